using System.Buffers.Binary;

namespace SkyRiff.Videos.Media;

/// <summary>Where a file's media data lies: from the first byte of its <c>mdat</c> boxes to after the last, as their heads say, and how many bytes that are.</summary>
internal readonly record struct Mp4MediaData(long From, long Until, long Length);

/// <summary>
/// The tables of a track that say when its samples are shown and where they lie (<c>stbl</c>). Null unless they all speak of the same number of samples, which lie in the
/// media data: programs differ in what they make of others.
/// </summary>
internal sealed record Mp4SampleTable(long Samples, long Duration, long Bytes)
{
    private static readonly string[] Tables = ["stsd", "stts", "stsz", "stsc", "stco", "co64", "ctts", "stss", "sgpd", "sbgp", "sdtp", "cslg"];

    public static Mp4SampleTable? Read(ReadOnlySpan<byte> stbl, Mp4MediaData data, out ReadOnlySpan<byte> description)
    {
        description = default;
        ReadOnlySpan<byte> times = default, sizes = default, map = default, chunks = default, shifts = default, keys = default;
        var (chunkLength, seen) = (4, 0);
        var boxes = new Mp4Boxes(stbl);
        while (boxes.TryNext(out var box))
        {
            var kind = Array.IndexOf(Tables, box.Type);
            if (kind < 0 || (seen & (1 << kind)) != 0) return null;
            seen |= 1 << kind;
            switch (box.Type)
            {
                case "stsd":
                    description = box.Content;
                    break;
                case "stts":
                    times = box.Content;
                    break;
                case "stsz":
                    sizes = box.Content;
                    break;
                case "stsc":
                    map = box.Content;
                    break;
                case "stco" or "co64":
                    if (!chunks.IsEmpty) return null;
                    chunks = box.Content;
                    chunkLength = box.Type == "co64" ? 8 : 4;
                    break;
                case "ctts":
                    shifts = box.Content;
                    break;
                case "stss":
                    keys = box.Content;
                    break;
            }
        }

        if (boxes.Broken || !HasEntries(times, 8) || !HasEntries(map, 12) || !HasEntries(chunks, chunkLength)) return null;
        if (Times(times) is not var (samples, duration) || Sizes(sizes, samples) is not { } bytes || bytes > data.Length) return null;
        if (MappedSamples(map, (chunks.Length - 8) / chunkLength) != samples || !AreIn(chunks, chunkLength, data)) return null;
        if (!shifts.IsEmpty && !(HasEntries(shifts, 8) && ShiftedSamples(shifts, duration) == samples)) return null;
        return keys.IsEmpty || (HasEntries(keys, 4) && AreSamples(keys, samples)) ? new Mp4SampleTable(samples, duration, bytes) : null;
    }

    /// <summary>Whether a table with version, flags and a count holds just as many entries, and at least one.</summary>
    private static bool HasEntries(ReadOnlySpan<byte> table, int entryLength) =>
        table.Length >= 8 && BinaryPrimitives.ReadUInt32BigEndian(table[4..]) is > 0 and var count && table.Length - 8 == (long)count * entryLength;

    private static (long Samples, long Duration)? Times(ReadOnlySpan<byte> stts)
    {
        var fields = new Mp4Fields(stts[8..]);
        var (samples, duration) = (0L, 0L);
        while (fields.Left > 0)
        {
            var (count, each) = (fields.UInt32(), fields.UInt32());
            if (count is 0 or > int.MaxValue || each is 0 or > int.MaxValue) return null;
            samples += count;
            duration += (long)count * each;
            if (samples > int.MaxValue || duration > uint.MaxValue) return null;
        }

        return (samples, duration);
    }

    /// <summary>The bytes of all samples.</summary>
    private static long? Sizes(ReadOnlySpan<byte> stsz, long samples)
    {
        var fields = new Mp4Fields(stsz);
        fields.Take(4);
        var (same, count) = (fields.UInt32(), fields.UInt32());
        if (fields.Short || count != samples || fields.Left != (same == 0 ? 4L * count : 0)) return null;
        var bytes = (long)same * count;
        while (fields.Left > 0) bytes += fields.UInt32();
        return bytes;
    }

    private static long? MappedSamples(ReadOnlySpan<byte> stsc, int chunks)
    {
        var fields = new Mp4Fields(stsc[8..]);
        var (samples, from, each) = (0L, 1u, 0u);
        for (var isFirst = true; fields.Left > 0; isFirst = false)
        {
            var first = fields.UInt32();
            if (isFirst ? first != 1 : first <= from) return null;
            if (first > chunks) return null;
            samples += (long)(first - from) * each;
            (from, each) = (first, fields.UInt32());
            if (each is 0 or > int.MaxValue || fields.UInt32() != 1) return null; // described by the first and only entry of stsd
        }

        return samples + ((chunks - from + 1L) * each);
    }

    private static bool AreIn(ReadOnlySpan<byte> offsets, int length, Mp4MediaData data)
    {
        for (var rest = offsets[8..]; !rest.IsEmpty; rest = rest[length..])
        {
            var at = length == 4 ? BinaryPrimitives.ReadUInt32BigEndian(rest) : BinaryPrimitives.ReadUInt64BigEndian(rest);
            if (at < (ulong)data.From || at >= (ulong)data.Until) return false;
        }

        return true;
    }

    /// <summary>How many samples are shown at another time than they are decoded; null when one is moved by more than the track lasts.</summary>
    private static long? ShiftedSamples(ReadOnlySpan<byte> ctts, long duration)
    {
        var fields = new Mp4Fields(ctts[8..]);
        var samples = 0L;
        while (fields.Left > 0)
        {
            var (count, shift) = (fields.UInt32(), (int)fields.UInt32());
            if (count == 0 || Math.Abs((long)shift) > duration) return null;
            samples += count;
        }

        return samples;
    }

    private static bool AreSamples(ReadOnlySpan<byte> stss, long samples)
    {
        var last = 0u;
        for (var rest = stss[8..]; !rest.IsEmpty; rest = rest[4..])
        {
            var number = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (number <= last || number > samples) return false;
            last = number;
        }

        return true;
    }
}
