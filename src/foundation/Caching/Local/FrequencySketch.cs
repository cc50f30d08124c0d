using System.Numerics;

namespace SkyRiff.Caching.Local;

/// <summary>
/// How often a key was asked for lately, in half a byte per counter: a count-min sketch (Cormode and Muthukrishnan, 2005) with conservative update,
/// whose four counters of a key share one cache line, halved after every <see cref="SamplesPerEntry"/> samples per entry (TinyLFU; Einziger, Friedman and
/// Manes, 2017). Not thread-safe.
/// </summary>
internal sealed class FrequencySketch
{
    public const int EstimateMax = 15;

    /// <summary>
    /// Samples per entry between two halvings: how long the memory is. Twice of what the paper takes: hits come here only when the policy looks. The hit rate
    /// analysis of the cache benchmark chose this and the next constant.
    /// </summary>
    private const int SamplesPerEntry = 20;

    /// <summary>Sixteen counters each.</summary>
    private const int WordsPerEntry = 4;

    /// <summary>A block is eight words of sixteen counters: 64 bytes. Row r of a key lies in words 2r and 2r+1.</summary>
    private const int WordsPerBlock = 8;

    private const int BlocksMax = 1 << 21;
    private const ulong LowestBits = 0x1111111111111111;
    private const ulong HalfMask = 0x7777777777777777;

    private ulong[] _words;
    private ulong _blockMask;
    private long _samples;
    private int _entries;

    public FrequencySketch(int entries)
    {
        _words = [];
        _words = new ulong[WordsPerBlock * BlocksFor(entries)];
        _blockMask = (ulong)(_words.Length / WordsPerBlock) - 1;
        _entries = entries;
    }

    /// <summary>Makes room for that many entries; what is known is kept.</summary>
    public void Grow(int entries)
    {
        if (entries <= _entries)
            return;

        // A key's block is its hash's low bits, so in a table twice as long every block stands twice.
        _entries = entries;
        var blocks = BlocksFor(entries);
        while (_words.Length < blocks * WordsPerBlock)
            _words = [.. _words, .. _words];
        _blockMask = (ulong)(_words.Length / WordsPerBlock) - 1;
    }

    public int Estimate(ulong hash)
    {
        var (block, rows) = Locate(hash);
        var estimate = EstimateMax;
        for (var row = 0; row < 4; row++)
        {
            var (word, shift) = Counter(block, rows, row);
            estimate = Math.Min(estimate, (int)(_words[word] >> shift) & EstimateMax);
        }

        return estimate;
    }

    /// <summary>Counts <paramref name="times"/> more.</summary>
    public void Add(ulong hash, int times)
    {
        var target = (ulong)Math.Min(EstimateMax, Estimate(hash) + times);
        var (block, rows) = Locate(hash);
        for (var row = 0; row < 4; row++)
        {
            var (word, shift) = Counter(block, rows, row);
            if (((_words[word] >> shift) & EstimateMax) < target)
                _words[word] = (_words[word] & ~((ulong)EstimateMax << shift)) | (target << shift);
        }

        _samples += times;
        if (_samples >= (long)SamplesPerEntry * _entries)
            Halve();
    }

    private void Halve()
    {
        var odd = 0L;
        for (var index = 0; index < _words.Length; index++)
        {
            odd += BitOperations.PopCount(_words[index] & LowestBits);
            _words[index] = (_words[index] >> 1) & HalfMask;
        }

        _samples = (_samples - (odd >> 2)) >> 1;
    }

    private (int Block, ulong Rows) Locate(ulong hash) => ((int)(hash & _blockMask) * WordsPerBlock, hash * 0x9E3779B97F4A7C15 >> 32);

    private static (int Word, int Shift) Counter(int block, ulong rows, int row)
    {
        var bits = rows >> (row * 8);
        return (block + (row * 2) + (int)(bits & 1), (int)((bits >> 1) & 15) * 4);
    }

    private static int BlocksFor(int entries) => (int)Math.Min(BlocksMax, BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, (long)entries * WordsPerEntry / WordsPerBlock)));
}
