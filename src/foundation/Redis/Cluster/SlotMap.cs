using System.Text;
using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis.Cluster;

/// <summary>A run of slots and who serves them.</summary>
internal sealed record SlotRange(int First, int Last, RedisEndpoint Primary, IReadOnlyList<RedisEndpoint> Replicas);

/// <summary>Which server owns which slots, as one node told it. Pure and immutable.</summary>
internal sealed class SlotMap(IReadOnlyList<SlotRange> ranges)
{
    public IReadOnlyList<SlotRange> Ranges { get; } = ranges;

    public IEnumerable<RedisEndpoint> Primaries => Ranges.Select(range => range.Primary).Distinct();

    public int SlotsCovered => Ranges.Sum(range => range.Last - range.First + 1);

    /// <summary>Whether every slot has the same primary in both.</summary>
    public bool HasSamePrimaries(SlotMap other) =>
        Ranges.Select(range => (range.First, range.Last, range.Primary)).ToHashSet().SetEquals(other.Ranges.Select(range => (range.First, range.Last, range.Primary)));

    /// <summary>
    /// Reads the reply of CLUSTER SLOTS: arrays of first, last, primary, replicas..., each server an array of address, port, id... An empty or null
    /// address means the one that <paramref name="answeredBy"/> was reached at.
    /// </summary>
    public static SlotMap Read(RespElement reply, RedisEndpoint answeredBy)
    {
        var ranges = new List<SlotRange>(reply.Count);
        foreach (var row in reply)
        {
            var (first, last, servers) = (-1L, -1L, new List<RedisEndpoint>());
            var column = 0;
            foreach (var cell in row)
            {
                if (column == 0)
                    first = cell.Integer;
                else if (column == 1)
                    last = cell.Integer;
                else
                    servers.Add(ReadServer(cell, answeredBy));
                column++;
            }

            if (first < 0 || last < first || last >= KeySlot.Count || servers.Count == 0)
                throw new RedisException(RedisErrorKind.Protocol, "The slot map of the cluster cannot be read.");
            ranges.Add(new SlotRange((int)first, (int)last, servers[0], servers[1..]));
        }

        return new SlotMap(ranges);
    }

    private static RedisEndpoint ReadServer(RespElement server, RedisEndpoint answeredBy)
    {
        var (host, port) = ("", 0L);
        var column = 0;
        foreach (var cell in server)
        {
            if (column == 0)
                host = cell.GetString();
            else if (column == 1)
                port = cell.Integer;
            column++;
        }

        return new RedisEndpoint(host is "" or "?" ? answeredBy.Host : host, (int)port);
    }
}

internal enum RedirectKind
{
    None,

    /// <summary>The slot lives elsewhere from now on.</summary>
    Moved,

    /// <summary>The slot is on its way; this one command is answered elsewhere, after ASKING.</summary>
    Ask,

    /// <summary>Not now, maybe soon: a slot between nodes, a failover, a start. The command did not run.</summary>
    Later,
}

/// <summary>What an error reply says about where to go.</summary>
internal readonly record struct Redirect(RedirectKind Kind, int Slot, RedisEndpoint? Endpoint)
{
    /// <summary><c>MOVED 3999 127.0.0.1:6381</c>; an empty host means <paramref name="answeredBy"/>'s.</summary>
    public static Redirect Read(ReadOnlySpan<byte> error, string answeredBy)
    {
        var kind = error.StartsWith("MOVED "u8) ? RedirectKind.Moved
            : error.StartsWith("ASK "u8) ? RedirectKind.Ask
            : error.StartsWith("TRYAGAIN"u8) || error.StartsWith("CLUSTERDOWN"u8) || error.StartsWith("LOADING"u8) || error.StartsWith("MASTERDOWN"u8)
                || error.StartsWith("READONLY"u8) ? RedirectKind.Later
            : RedirectKind.None;
        if (kind is RedirectKind.None or RedirectKind.Later)
            return new Redirect(kind, -1, null);

        var words = Encoding.UTF8.GetString(error).Split(' ');
        var colon = words.Length >= 3 ? words[2].LastIndexOf(':') : -1;
        if (colon < 0 || !int.TryParse(words[1], out var slot) || slot is < 0 or >= KeySlot.Count || !int.TryParse(words[2].AsSpan(colon + 1), out var port))
            return default;
        return new Redirect(kind, slot, new RedisEndpoint(colon == 0 ? answeredBy : words[2][..colon], port));
    }
}
