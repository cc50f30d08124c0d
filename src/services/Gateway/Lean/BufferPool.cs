namespace SkyRiff.Gateway.Lean;

/// <summary>
/// One loop's buffers: touched by its thread only, so without locks. A connection holds a small one while it reads a head, and a large one
/// only while its peer is slower than the other side. Arrays are pinned once, so the kernel reads and writes them without a handle.
/// </summary>
internal sealed class BufferPool
{
    /// <summary>A whole head, and the small body behind it that makes a request replayable.</summary>
    public const int SmallBytes = 16 * 1024;

    /// <summary>One read of a body, re-framed, and a head before it.</summary>
    public const int LargeBytes = 96 * 1024;

    private const int SmallKept = 1024;
    private const int LargeKept = 64;

    private readonly Stack<byte[]> _small = new(SmallKept);
    private readonly Stack<byte[]> _large = new(LargeKept);

    /// <summary>Buffers that connections hold now; zero when all is quiet, or something leaked.</summary>
    public int Rented { get; private set; }

    public static byte[] Allocate(int bytes) => GC.AllocateUninitializedArray<byte>(bytes, pinned: true);

    public byte[] RentSmall()
    {
        Rented++;
        return _small.TryPop(out var buffer) ? buffer : Allocate(SmallBytes);
    }

    public byte[] RentLarge()
    {
        Rented++;
        return _large.TryPop(out var buffer) ? buffer : Allocate(LargeBytes);
    }

    public void Return(byte[] buffer)
    {
        Rented--;
        var stack = buffer.Length == SmallBytes ? _small : _large;
        if (stack.Count < (buffer.Length == SmallBytes ? SmallKept : LargeKept)) stack.Push(buffer);
    }
}
