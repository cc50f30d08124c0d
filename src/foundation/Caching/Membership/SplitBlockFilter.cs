using System.Numerics;
using System.Runtime.InteropServices;

namespace SkyRiff.Caching.Membership;

/// <summary>
/// A Bloom filter (Bloom, 1970) whose bits of one key share a cache line, so that a question is one miss of the processor's cache: a blocked filter (Putze,
/// Sanders and Singler, 2007) with one bit in each of the block's eight words (split blocks, as in the Parquet format). Adding sets bits and nothing else, so
/// any number of threads may add and ask at once; neither allocates or takes a lock.
/// </summary>
/// <remarks>
/// Stated rate of false positives: with n keys on b blocks the keys of a block are Poisson distributed with mean n / b, and i keys leave a word's bit set with
/// probability 1 - (63/64)^i, so the rate is the sum over i of Poisson(i; n / b) * (1 - (63/64)^i)^8. <see cref="RateOf"/> computes just that.
/// </remarks>
internal sealed class SplitBlockFilter
{
    private const int WordsPerBlock = 8;
    private const int BytesPerBlock = WordsPerBlock * sizeof(ulong);
    private const int BitsPerWord = 64;

    /// <summary>Beyond so many keys per block every answer is "maybe".</summary>
    private const double FullLoad = 600;

    private const uint BlocksSampled = 4_096;

    private readonly ulong[] _words;
    private readonly int _start;
    private readonly uint _blocks;
    private long _keys;

    /// <param name="bytes">Rounded up to whole blocks of 64 bytes.</param>
    /// <param name="capacity">Keys for which the rate holds.</param>
    public SplitBlockFilter(long bytes, long capacity)
    {
        Capacity = capacity;
        _blocks = (uint)Math.Max(1, (bytes + BytesPerBlock - 1) / BytesPerBlock);
        _words = GC.AllocateArray<ulong>(checked((int)((_blocks + 1) * WordsPerBlock)), pinned: true);
        // Blocks begin where cache lines do.
        var address = Marshal.UnsafeAddrOfPinnedArrayElement(_words, 0);
        _start = (int)((BytesPerBlock - (address % BytesPerBlock)) % BytesPerBlock) / sizeof(ulong);
    }

    public long Capacity { get; }

    public long Bytes => (long)_blocks * BytesPerBlock;

    /// <summary>Different keys that were added, about: who was taken for known is not counted, whom two threads added at the same moment may be twice.</summary>
    public long Keys => Volatile.Read(ref _keys);

    public bool IsSaturated => Keys > Capacity;

    /// <summary>The rate of false positives with the bits that are set now, from a sample of the blocks.</summary>
    public double Rate
    {
        get
        {
            var (sum, sampled) = (0.0, 0);
            var step = Math.Max(1, _blocks / BlocksSampled);
            for (var block = 0L; block < _blocks; block += step, sampled++)
            {
                var all = 1.0;
                for (var word = 0; word < WordsPerBlock; word++)
                    all *= BitOperations.PopCount(Volatile.Read(ref _words[_start + (int)(block * WordsPerBlock) + word])) / (double)BitsPerWord;
                sum += all;
            }

            return sum / sampled;
        }
    }

    /// <summary>The smallest filter that holds so many keys at this rate.</summary>
    public static long BytesFor(long keys, double rate) => (long)Math.Ceiling(keys / LoadFor(rate)) * BytesPerBlock;

    /// <summary>How many keys a filter of so many bytes holds at this rate.</summary>
    public static long KeysFor(long bytes, double rate) => (long)(bytes / BytesPerBlock * LoadFor(rate));

    public bool Add(ulong hash)
    {
        var word = BlockOf(hash);
        var isNew = false;
        for (var bits = BitsOf(hash); ; bits >>= 6)
        {
            var bit = 1UL << (int)(bits & 63);
            if ((Volatile.Read(ref _words[word]) & bit) == 0)
                isNew |= (Interlocked.Or(ref _words[word], bit) & bit) == 0;
            if ((++word - _start) % WordsPerBlock == 0)
                break;
        }

        if (isNew)
            Interlocked.Increment(ref _keys);
        return isNew;
    }

    /// <summary>False is certain.</summary>
    public bool MayContain(ulong hash)
    {
        var word = BlockOf(hash);
        var bits = BitsOf(hash);
        for (var index = 0; index < WordsPerBlock; index++)
        {
            if ((Volatile.Read(ref _words[word + index]) & (1UL << (int)(bits & 63))) == 0)
                return false;
            bits >>= 6;
        }

        return true;
    }

    /// <summary>False positives at a mean of <paramref name="load"/> keys per block.</summary>
    public static double RateOf(double load)
    {
        if (load <= 0)
            return 0;
        if (load > FullLoad)
            return 1;

        var (rate, probability) = (0.0, Math.Exp(-load));
        var last = load + (12 * Math.Sqrt(load)) + 20;
        for (var keys = 1; keys < last; keys++)
        {
            probability *= load / keys;
            rate += probability * Math.Pow(1 - Math.Pow((BitsPerWord - 1.0) / BitsPerWord, keys), WordsPerBlock);
        }

        return Math.Min(1, rate);
    }

    private static double LoadFor(double rate)
    {
        var (low, high) = (0.0, FullLoad);
        for (var step = 0; step < 60; step++)
        {
            var middle = (low + high) / 2;
            if (RateOf(middle) <= rate)
                low = middle;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>The hash's high bits choose the block (Lemire, 2019), a mix of all of them the bits in it.</summary>
    private int BlockOf(ulong hash) => _start + ((int)Math.BigMul(hash, _blocks, out _) * WordsPerBlock);

    private static ulong BitsOf(ulong hash)
    {
        var bits = (hash ^ (hash >> 32)) * 0xD6E8FEB86659FD93;
        return bits ^ (bits >> 32);
    }
}
