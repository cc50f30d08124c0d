using SkyRiff.Redis.Connections;
using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis;

/// <summary>A whole reply as it came, leased from a pool; <see cref="Root"/> walks it without allocating. Same rules of disposal as <see cref="RedisValue"/>.</summary>
public readonly struct RedisReply : IDisposable, IEquatable<RedisReply>
{
    private readonly RedisValue _frame;

    internal RedisReply(ValueBuffer buffer) => _frame = new RedisValue(buffer);

    /// <summary>The reply's outermost element; valid until this reply is disposed.</summary>
    public RespElement Root => RespElement.Parse(_frame.Span);

    /// <summary>Whether the reply is one of the nulls.</summary>
    public bool IsNull => _frame.IsNull || Root.IsNull;

    /// <summary>Ends the lease.</summary>
    public void Dispose() => _frame.Dispose();

    /// <summary>Whether both are the same lease.</summary>
    public bool Equals(RedisReply other) => _frame == other._frame;

    /// <summary>Whether both are the same lease.</summary>
    public override bool Equals(object? obj) => obj is RedisReply other && Equals(other);

    /// <summary>Of the lease.</summary>
    public override int GetHashCode() => _frame.GetHashCode();

    /// <summary>Whether both are the same lease.</summary>
    public static bool operator ==(RedisReply left, RedisReply right) => left.Equals(right);

    /// <summary>Whether they are different leases.</summary>
    public static bool operator !=(RedisReply left, RedisReply right) => !left.Equals(right);
}
