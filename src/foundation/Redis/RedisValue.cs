using System.Text;
using SkyRiff.Redis.Connections;

namespace SkyRiff.Redis;

/// <summary>
/// A value that was read, or null when the key does not exist. The bytes are leased from a pool: dispose it when they are used up. Disposing twice
/// is harmless; reading after it throws <see cref="ObjectDisposedException"/>. Not disposing costs an allocation, nothing else.
/// </summary>
public readonly struct RedisValue : IDisposable, IEquatable<RedisValue>
{
    private readonly ValueBuffer? _buffer;
    private readonly int _version;

    internal RedisValue(ValueBuffer? buffer)
    {
        _buffer = buffer;
        _version = buffer?.Version ?? 0;
    }

    /// <summary>Whether the key did not exist.</summary>
    public bool IsNull => _buffer is null;

    /// <summary>Bytes of the value; 0 for null.</summary>
    public int Length => Memory.Length;

    /// <summary>The value; valid until this is disposed.</summary>
    public ReadOnlyMemory<byte> Memory => _buffer is null ? default : _buffer.Read(_version);

    /// <summary>The value; valid until this is disposed.</summary>
    public ReadOnlySpan<byte> Span => Memory.Span;

    /// <summary>The bytes as UTF-8; null for a null.</summary>
    public string? GetString() => IsNull ? null : Encoding.UTF8.GetString(Span);

    /// <summary>A copy of the bytes that outlives the lease; null for a null.</summary>
    public byte[]? ToArray() => IsNull ? null : Span.ToArray();

    /// <summary>Ends the lease.</summary>
    public void Dispose() => _buffer?.Release(_version);

    /// <summary>Whether both are the same lease (not: equal bytes).</summary>
    public bool Equals(RedisValue other) => ReferenceEquals(_buffer, other._buffer) && _version == other._version;

    /// <summary>Whether both are the same lease.</summary>
    public override bool Equals(object? obj) => obj is RedisValue other && Equals(other);

    /// <summary>Of the lease.</summary>
    public override int GetHashCode() => HashCode.Combine(_buffer, _version);

    /// <summary>Whether both are the same lease.</summary>
    public static bool operator ==(RedisValue left, RedisValue right) => left.Equals(right);

    /// <summary>Whether they are different leases.</summary>
    public static bool operator !=(RedisValue left, RedisValue right) => !left.Equals(right);
}
