using System.Diagnostics.CodeAnalysis;

namespace SkyRiff.Kernel.Outcomes;

/// <summary>The face of every <see cref="Outcome{T}"/> for code that only asks whether it is a refusal (a transaction rolls back then).</summary>
public interface IOutcome
{
    Problem? Problem { get; }
}

/// <summary>What a use case answers: a value, or the <see cref="Problem"/> that says why not. Faults of the world are exceptions.</summary>
public readonly record struct Outcome<T> : IOutcome
{
    private readonly T? _value;

    private Outcome(T? value, Problem? problem) => (_value, Problem) = (value, problem);

    public Problem? Problem { get; }

    [MemberNotNullWhen(false, nameof(Problem))]
    public bool Succeeded => Problem is null;

    /// <summary>The value; asking a refused outcome for it is a bug.</summary>
    public T Value => Problem is null ? _value! : throw new InvalidOperationException($"No value: refused with {Problem}.");

    public bool TryGet([MaybeNullWhen(false)] out T value, [NotNullWhen(false)] out Problem? problem)
    {
        (value, problem) = (_value, Problem);
        return problem is null;
    }

    public Outcome<TOther> Map<TOther>(Func<T, TOther> map) => Problem is null ? new(map(_value!), null) : new(default, Problem);

    public static Outcome<T> Of(T value) => new(value, null);

    public static Outcome<T> Refused(Problem problem) => new(default, problem);

    public static implicit operator Outcome<T>(T value) => Of(value);

    public static implicit operator Outcome<T>(Problem problem) => Refused(problem);
}

/// <summary>The value of an outcome that has nothing to say but yes.</summary>
public readonly record struct Done;
