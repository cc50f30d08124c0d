using SkyRiff.Kernel.Ids;

namespace SkyRiff.Contracts;

public readonly record struct UserId(long Value) : ITypedId<UserId>
{
    public static UserId Of(long value) => new(value);

    public override string ToString() => Value.ToString();
}

public readonly record struct SessionId(long Value) : ITypedId<SessionId>
{
    public static SessionId Of(long value) => new(value);

    public override string ToString() => Value.ToString();
}

/// <summary>A generation's id is its job's id and the reference of its hold.</summary>
public readonly record struct GenerationId(long Value) : ITypedId<GenerationId>
{
    public static GenerationId Of(long value) => new(value);

    public override string ToString() => Value.ToString();
}

public readonly record struct WorkId(long Value) : ITypedId<WorkId>
{
    public static WorkId Of(long value) => new(value);

    public override string ToString() => Value.ToString();
}

public readonly record struct OrderId(long Value) : ITypedId<OrderId>
{
    public static OrderId Of(long value) => new(value);

    public override string ToString() => Value.ToString();
}
