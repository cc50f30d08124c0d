using System.Runtime.CompilerServices;
using SkyRiff.Redis.Connections;

namespace SkyRiff.Redis;

/// <summary>
/// Scans as asynchronous streams. Redis promises that what is there from beginning to end is seen, perhaps more than once; what comes or goes
/// meanwhile may be seen or not. Each value is a lease: dispose it before asking for the next or keep it.
/// </summary>
public sealed partial class RedisClient
{
    /// <summary>Keys that match a glob pattern; in a cluster of every primary in turn. <paramref name="pageSize"/> is a hint of keys per round trip.</summary>
    public async IAsyncEnumerable<RedisValue> ScanKeysAsync(string pattern, int pageSize, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await _router.ReadyAsync(cancellation);
        foreach (var node in _router.Primaries)
        {
            var cursor = 0L;
            do
            {
                using var page = await SendToNodeAsync(node, ["SCAN", cursor, "MATCH", pattern, "COUNT", pageSize], cancellation);
                (cursor, var items) = ReadPage(page);
                foreach (var item in items)
                    yield return item;
            }
            while (cursor != 0);
        }
    }

    /// <summary>Fields and values of a hash, alternating.</summary>
    public IAsyncEnumerable<RedisValue> ScanHashAsync(string key, int pageSize, CancellationToken cancellation) => ScanWithinAsync("HSCAN", key, pageSize, cancellation);

    /// <summary>Members of a set.</summary>
    public IAsyncEnumerable<RedisValue> ScanSetAsync(string key, int pageSize, CancellationToken cancellation) => ScanWithinAsync("SSCAN", key, pageSize, cancellation);

    /// <summary>Members and scores of a sorted set, alternating.</summary>
    public IAsyncEnumerable<RedisValue> ScanSortedSetAsync(string key, int pageSize, CancellationToken cancellation) => ScanWithinAsync("ZSCAN", key, pageSize, cancellation);

    internal ValueTask<RedisReply> SendToNodeAsync(Node node, ReadOnlySpan<RedisArg> command, CancellationToken cancellation)
    {
        var pending = Begin(ReplyShape.Frame);
        pending.Router = null; // its place is this node, wherever the slots are
        Write(pending, command, keyIndex: -1);
        pending.Deadline = _time.GetTimestamp() + _limit;
        _router.Sweeper.Wake();
        node.Send(pending);
        pending.CancelWith(cancellation);
        return new ValueTask<RedisReply>(pending, pending.Version);
    }

    private async IAsyncEnumerable<RedisValue> ScanWithinAsync(string command, string key, int pageSize, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var cursor = 0L;
        do
        {
            using var page = await CallAsync([command, key, cursor, "COUNT", pageSize], cancellation);
            (cursor, var items) = ReadPage(page);
            foreach (var item in items)
                yield return item;
        }
        while (cursor != 0);
    }

    private static (long Cursor, List<RedisValue> Items) ReadPage(RedisReply page)
    {
        var parts = page.Root.GetEnumerator();
        parts.MoveNext();
        var cursor = parts.Current.Integer;
        parts.MoveNext();
        var items = new List<RedisValue>(parts.Current.Count);
        foreach (var item in parts.Current)
        {
            var bytes = item.Bytes;
            var buffer = ValueBuffer.Rent(bytes.Length);
            bytes.CopyTo(buffer.Writable.Span);
            items.Add(new RedisValue(buffer));
        }

        return (cursor, items);
    }
}
