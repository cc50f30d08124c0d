namespace SkyRiff.Kernel.Ids;

/// <summary>
/// The layout of every id: 63 bits, positive, in order of creation to the millisecond.
/// <code>
///   62            22 21       12 11        0
///   [ milliseconds ] [   slot  ] [ sequence ]      41 + 10 + 12 bits
/// </code>
/// Milliseconds count from <see cref="Epoch"/> and last until 2093. The slot routes to a shard without a look-up, the time prunes
/// partitions. Ids are made by the shard (<c>next_id(slot)</c> in SQL), never by a process, so no node numbers are handed out.
/// </summary>
public static class Id
{
    public const int SlotBits = 10;
    public const int SequenceBits = 12;

    /// <summary>How many slots the id space has; a slot is 0 .. SlotCount-1.</summary>
    public const int SlotCount = 1 << SlotBits;

    /// <summary>Millisecond zero: 2024-01-01T00:00:00Z.</summary>
    public static readonly DateTimeOffset Epoch = new(2024, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static int SlotOf(long id) => (int)(id >> SequenceBits) & (SlotCount - 1);

    public static DateTimeOffset TimeOf(long id) => Epoch.AddMilliseconds(id >> (SlotBits + SequenceBits));

    /// <summary>Builds an id; for tests and tools, since shards make the real ones.</summary>
    public static long Compose(DateTimeOffset time, int slot, int sequence)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, Epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(slot, SlotCount);
        ArgumentOutOfRangeException.ThrowIfNegative(sequence);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sequence, 1 << SequenceBits);
        var milliseconds = (time - Epoch).Ticks / TimeSpan.TicksPerMillisecond;
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(milliseconds, 1L << (63 - SlotBits - SequenceBits), nameof(time));
        return (milliseconds << (SlotBits + SequenceBits)) | ((long)slot << SequenceBits) | (uint)sequence;
    }

    /// <summary>The smallest id that could have been made at <paramref name="time"/>; a bound for partition pruning.</summary>
    public static long FloorAt(DateTimeOffset time) => Compose(time < Epoch ? Epoch : time, 0, 0);

    /// <summary>Reads the API's form: 1 to 19 decimal digits without sign or leading zero, positive.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out long id)
    {
        id = 0;
        if (text.Length is 0 or > 19 || text[0] == '0') return false;
        foreach (var digit in text)
        {
            if (!char.IsAsciiDigit(digit)) return false;
        }
        return long.TryParse(text, System.Globalization.NumberStyles.None, null, out id);
    }
}
