using System.Globalization;
using System.Text;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Redis;
using SkyRiff.Redis.Protocol;

namespace SkyRiff.Gateway.Discovery;

/// <summary>
/// What was revoked, in Redis: a sorted set <c>gateway:revoked:NAME</c> of <c>u:SUBJECT</c> and <c>s:SESSION</c> by the moment, in milliseconds by the server's clock. Anybody may
/// write it. Entries go when every token from before them has expired, and the set with the last of them.
/// </summary>
internal sealed class RevocationList(RedisClient redis, string name)
{
    /// <summary>Of a subject or session, in characters; longer ones are in no token that is accepted.</summary>
    public const int IdLengthMax = 128;

    public const int EntriesMax = 1_000_000;

    private const int PageSize = 5_000;

    /// <summary>What is read again each time, since two writers' entries may become visible in another order than their moments', and a replica's clock may be behind.</summary>
    private const long OverlapMilliseconds = 5_000;

    // KEYS: the list. ARGV: the entry, its lifetime in milliseconds, how many entries there may be.
    private static readonly RedisScript Adding = new("""
        local t = redis.call('TIME')
        local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
        redis.call('ZADD', KEYS[1], now, ARGV[1])
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
        redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[3]))
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        return now
        """);

    private readonly string _key = "gateway:revoked:" + name;

    /// <summary>The user's tokens up to now are refused.</summary>
    /// <exception cref="RedisException">Redis was not told.</exception>
    public ValueTask RevokeUserAsync(string user, CancellationToken cancellationToken) => AddAsync("u:" + user, cancellationToken);

    /// <summary>The session's tokens are refused.</summary>
    /// <exception cref="RedisException">Redis was not told.</exception>
    public ValueTask RevokeSessionAsync(string session, CancellationToken cancellationToken) => AddAsync("s:" + session, cancellationToken);

    /// <summary>Reads what was added since <paramref name="cursor"/>, 0 for all, into <paramref name="revocations"/>; answers the next cursor.</summary>
    /// <exception cref="RedisException">Redis is away.</exception>
    public async Task<long> ReadAsync(long cursor, Revocations revocations, CancellationToken cancellationToken)
    {
        var from = cursor == 0 ? "-inf" : (cursor - OverlapMilliseconds).ToString(CultureInfo.InvariantCulture);
        for (var offset = 0; ; offset += PageSize)
        {
            using var page = await redis.CallAsync(["ZRANGE", _key, from, "+inf", "BYSCORE", "LIMIT", offset, PageSize, "WITHSCORES"], cancellationToken);
            var count = Take(page.Root, revocations, ref cursor);
            if (count < PageSize) return cursor;
        }
    }

    /// <summary>Entries with their moments: pairs in RESP3, one flat list in RESP2. Answers how many there were.</summary>
    private static int Take(RespElement page, Revocations revocations, ref long cursor)
    {
        var count = 0;
        var elements = page.GetEnumerator();
        while (elements.MoveNext())
        {
            var pair = elements;
            if (elements.Current.IsAggregate)
            {
                pair = elements.Current.GetEnumerator();
                pair.MoveNext();
            }
            else
            {
                elements.MoveNext();
            }
            var entry = pair.Current.Bytes;
            pair.MoveNext();
            var milliseconds = (long)pair.Current.Double;
            cursor = Math.Max(cursor, milliseconds);
            count++;
            if (entry.StartsWith("u:"u8)) revocations.RevokeUser(entry[2..], milliseconds / 1000);
            else if (entry.StartsWith("s:"u8)) revocations.RevokeSession(entry[2..], milliseconds / 1000);
        }
        return count;
    }

    private async ValueTask AddAsync(string entry, CancellationToken cancellationToken) =>
        await redis.EvaluateIntegerAsync(Adding, [_key], [Encoding.UTF8.GetBytes(entry), (long)Revocations.Lifetime.TotalMilliseconds, EntriesMax], cancellationToken);
}
