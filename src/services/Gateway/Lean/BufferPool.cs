namespace SkyRiff.Gateway.Lean;

/// <summary>
/// One loop's buffers: touched by its thread only, so without locks. A connection holds one only while it reads a head or serves a request, and another only
/// while its peer is slower than the other side; each no larger than what is in it asks for, so that thousands of slow peers cost little. Arrays are pinned
/// once, so the kernel reads and writes them without a handle.
/// </summary>
internal sealed class BufferPool
{
    /// <summary>An ordinary head; what a client holds that is slow to send one.</summary>
    public const int TinyBytes = 2 * 1024;

    /// <summary>A whole head, and the small body behind it that makes a request replayable.</summary>
    public const int SmallBytes = 16 * 1024;

    /// <summary>One read of a body, re-framed, and a head before it.</summary>
    public const int LargeBytes = 96 * 1024;

    /// <summary>With more large buffers in use than this, bodies are read in pieces that fit into small ones.</summary>
    public const int LargeManyMax = 128;

    private readonly Shelf _tiny = new(TinyBytes, KeptMax: 2048);
    private readonly Shelf _small = new(SmallBytes, KeptMax: 512);
    private readonly Shelf _large = new(LargeBytes, KeptMax: 64);

    /// <summary>Buffers that connections hold now; zero when all is quiet, or something leaked.</summary>
    public int Rented => _tiny.Rented + _small.Rented + _large.Rented;

    public bool LargeAreMany => _large.Rented > LargeManyMax;

    public static byte[] Allocate(int bytes) => GC.AllocateUninitializedArray<byte>(bytes, pinned: true);

    /// <summary>A buffer of at least this size, up to <see cref="LargeBytes"/>.</summary>
    public byte[] Rent(int bytes) => (bytes <= TinyBytes ? _tiny : bytes <= SmallBytes ? _small : _large).Rent();

    public void Return(byte[] buffer) => (buffer.Length == TinyBytes ? _tiny : buffer.Length == SmallBytes ? _small : _large).Return(buffer);

    private sealed record Shelf(int Bytes, int KeptMax)
    {
        private readonly Stack<byte[]> _free = new(KeptMax);

        public int Rented { get; private set; }

        public byte[] Rent()
        {
            Rented++;
            return _free.TryPop(out var buffer) ? buffer : Allocate(Bytes);
        }

        public void Return(byte[] buffer)
        {
            Rented--;
            if (_free.Count < KeptMax) _free.Push(buffer);
        }
    }
}
