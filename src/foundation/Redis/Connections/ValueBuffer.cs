using System.Buffers;

namespace SkyRiff.Redis.Connections;

/// <summary>
/// Pooled bytes behind a <see cref="RedisValue"/> or <see cref="RedisReply"/>. The version changes when the lease ends, so that a stale or doubled
/// dispose can neither read nor release what belongs to somebody else by now.
/// </summary>
internal sealed class ValueBuffer
{
    /// <summary>Kept with the object when the lease ends; larger arrays go back to the array pool.</summary>
    private const int RetainedBytesMax = 4096;

    /// <summary>Beyond this the array is made to measure and left to the collector, so that one huge value does not stay in a pool.</summary>
    private const int PooledBytesMax = 4 * 1024 * 1024;

    private byte[] _array = [];
    private int _version;

    public int Length { get; set; }

    public int Version => Volatile.Read(ref _version);

    public static ValueBuffer Rent(int length)
    {
        var buffer = ThreadCachedPool<ValueBuffer>.Rent();
        if (buffer._array.Length < length)
            buffer._array = length > PooledBytesMax ? GC.AllocateUninitializedArray<byte>(length) : ArrayPool<byte>.Shared.Rent(length);
        buffer.Length = length;
        return buffer;
    }

    /// <summary>All bytes, for the reader that fills the buffer before anyone else sees it.</summary>
    public Memory<byte> Writable => _array.AsMemory(0, Length);

    public ReadOnlyMemory<byte> Read(int version)
    {
        ObjectDisposedException.ThrowIf(version != Version, typeof(RedisValue));
        return _array.AsMemory(0, Length);
    }

    public void Release(int version)
    {
        if (Interlocked.CompareExchange(ref _version, version + 1, version) != version)
            return;

        if (_array.Length > RetainedBytesMax)
        {
            if (_array.Length <= PooledBytesMax)
                ArrayPool<byte>.Shared.Return(_array);
            _array = [];
        }

        ThreadCachedPool<ValueBuffer>.Return(this);
    }
}
