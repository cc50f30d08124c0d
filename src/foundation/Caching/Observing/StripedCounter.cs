using System.Runtime.CompilerServices;

namespace SkyRiff.Caching.Observing;

/// <summary>
/// Counts what happens at every hit without making processors share a cache line: a cell per processor. Cells are added to without a lock, so a thread that is
/// moved between reading and writing loses some counts; good for rates, not for money.
/// </summary>
internal sealed class StripedCounter
{
    /// <summary>Two cache lines per cell, since processors fetch pairs.</summary>
    private const int Stride = 16;

    private static readonly int Mask = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Min(64, Environment.ProcessorCount)) - 1;

    private readonly long[] _cells = new long[(Mask + 2) * Stride];

    public long Sum
    {
        get
        {
            var sum = 0L;
            for (var cell = Stride; cell < _cells.Length; cell += Stride)
                sum += Volatile.Read(ref _cells[cell]);
            return sum;
        }
    }

    /// <summary>Answers this cell's count, from which samplers decide.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long Increment() => ++_cells[((Thread.GetCurrentProcessorId() & Mask) + 1) * Stride];

    public void Add(long amount) => Interlocked.Add(ref _cells[((Thread.GetCurrentProcessorId() & Mask) + 1) * Stride], amount);
}
