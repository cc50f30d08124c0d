using System.Text;

namespace SkyRiff.Gateway.Decisions;

/// <summary>
/// Looks up by bytes without making a string. Built once; keys come from configuration, so the hash need not withstand an attacker, and an
/// unlucky look-up walks one bucket.
/// </summary>
internal sealed class ByteMap<T>
    where T : class
{
    private readonly Entry[][] _buckets;
    private readonly bool _ignoreCase;

    public ByteMap(IEnumerable<KeyValuePair<string, T>> entries, bool ignoreCase)
    {
        _ignoreCase = ignoreCase;
        var list = entries.Select(e => new Entry(Encoding.ASCII.GetBytes(ignoreCase ? e.Key.ToLowerInvariant() : e.Key), e.Value)).ToList();
        _buckets = new Entry[Math.Max(1, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)list.Count * 2))][];
        foreach (var group in list.GroupBy(e => Hash(e.Key) & (uint)(_buckets.Length - 1))) _buckets[group.Key] = [.. group];
        Count = list.Count;
    }

    public int Count { get; }

    public T? Find(ReadOnlySpan<byte> key)
    {
        var bucket = _buckets[Hash(key) & (uint)(_buckets.Length - 1)];
        if (bucket is null) return null;
        foreach (var entry in bucket)
        {
            if (entry.Key.Length == key.Length && (_ignoreCase ? Ascii.EqualsIgnoreCase(entry.Key, key) : entry.Key.AsSpan().SequenceEqual(key))) return entry.Value;
        }
        return null;
    }

    // FNV-1a (Fowler, Noll, Vo), with the case bit left out where case does not matter.
    private uint Hash(ReadOnlySpan<byte> key)
    {
        var hash = 2166136261u;
        var mask = _ignoreCase ? (byte)0x20 : (byte)0;
        foreach (var value in key) hash = (hash ^ (byte)(value | mask)) * 16777619;
        return hash;
    }

    private sealed record Entry(byte[] Key, T Value);
}
