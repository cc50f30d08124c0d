using System.Globalization;
using SkyRiff.Contracts;
using SkyRiff.Redis;

namespace SkyRiff.Videos.Feed;

/// <summary>A page of the board.</summary>
/// <param name="Floor">The board knows every public work whose id is above this; a page that ends there goes on in the shards.</param>
/// <param name="Works">Newest first.</param>
internal sealed record BoardPage(long Floor, IReadOnlyList<WorkId> Works);

/// <summary>How the board stands in Redis.</summary>
/// <param name="Floor">As in <see cref="BoardPage"/>.</param>
/// <param name="BuiltAt">When it was built.</param>
/// <param name="SameServer">Whether the Redis that has it is the one it was built on, and never ended since: another one may have lost the last changes.</param>
internal sealed record BoardState(long Floor, DateTimeOffset BuiltAt, bool SameServer);

/// <summary>
/// The ids of the newest public works of all shards as one sorted set in Redis, so that the feed asks one server. A view: the shards have the truth, the events keep
/// it, <see cref="BoardKeeping"/> builds it anew. All members have score 0 and are ordered as text: ids of 19 digits, exact where a score would not be; before them one
/// mark, <c>!floor:server:builtAt</c>, without which the board is not there.
/// </summary>
internal sealed class LatestBoard(RedisClient redis, FeedOptions options)
{
    /// <summary>In one slot of a cluster: the board, and the one that is being built.</summary>
    private readonly string _board = $"{{{options.BoardKey}}}";
    private readonly string _building = $"{{{options.BoardKey}}}:building";

    /// <summary>A build that died leaves nothing for longer than this.</summary>
    private const long BuildingLifetimeMs = 10_000;

    // ARGV: how many, the id to begin below (or ''). Answers {mark, ids...}, nothing when there is no board.
    private static readonly RedisScript Page = new("""
        local mark = redis.call('ZRANGEBYLEX', KEYS[1], '[!', '("', 'LIMIT', 0, 1)
        if not mark[1] then return {} end
        local from = '+'
        if ARGV[2] ~= '' then from = '(' .. ARGV[2] end
        local ids = redis.call('ZREVRANGEBYLEX', KEYS[1], from, '[0', 'LIMIT', 0, ARGV[1])
        table.insert(ids, 1, mark[1])
        return ids
        """);

    // KEYS: the board, the one being built. ARGV: id, most members. What is older than the floor is not the board's.
    private static readonly RedisScript Put = new("""
        for _, key in ipairs(KEYS) do
          local mark = redis.call('ZRANGEBYLEX', key, '[!', '("', 'LIMIT', 0, 1)[1]
          if mark and ARGV[1] > string.sub(mark, 2, 20) then
            redis.call('ZADD', key, 0, ARGV[1])
            local surplus = redis.call('ZCARD', key) - 1 - tonumber(ARGV[2])
            if surplus > 0 then
              local floor = redis.call('ZRANGE', key, surplus, surplus)[1]
              redis.call('ZREMRANGEBYRANK', key, 0, surplus)
              redis.call('ZADD', key, 0, '!' .. floor .. string.sub(mark, 21))
            end
          end
        end
        return 1
        """);

    // KEYS: the one being built. ARGV: the build's token, lifetime. Takes the place of whoever builds already and does not live.
    private static readonly RedisScript Begin = new("""
        if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
        redis.call('ZADD', KEYS[1], 0, '!0000000000000000000', 0, '~' .. ARGV[1])
        return redis.call('PEXPIRE', KEYS[1], ARGV[2])
        """);

    // KEYS: the one being built. ARGV: token, lifetime, ids. Answers 0 when the build is not this one any more.
    private static readonly RedisScript Fill = new("""
        if not redis.call('ZSCORE', KEYS[1], '~' .. ARGV[1]) then return 0 end
        for index = 3, #ARGV do redis.call('ZADD', KEYS[1], 0, ARGV[index]) end
        return redis.call('PEXPIRE', KEYS[1], ARGV[2])
        """);

    // KEYS: the one being built, the board. ARGV: token, floor, time, most members. The mark names the server it was built on.
    private static readonly RedisScript Swap = new("""
        if redis.call('ZREM', KEYS[1], '~' .. ARGV[1]) == 0 then return 0 end
        local server = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
        redis.call('ZREMRANGEBYLEX', KEYS[1], '[!', '("')
        local floor = ARGV[2]
        local surplus = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[4])
        if surplus > 0 then
          floor = redis.call('ZRANGE', KEYS[1], surplus - 1, surplus - 1)[1]
          redis.call('ZREMRANGEBYRANK', KEYS[1], 0, surplus - 1)
        end
        redis.call('ZREMRANGEBYLEX', KEYS[1], '[0', '[' .. floor)
        redis.call('ZADD', KEYS[1], 0, '!' .. floor .. ':' .. server .. ':' .. ARGV[3])
        redis.call('PERSIST', KEYS[1])
        redis.call('RENAME', KEYS[1], KEYS[2])
        return 1
        """);

    // Answers {mark, 1 or 0: the same server}; nothing when there is no board.
    private static readonly RedisScript State = new("""
        local mark = redis.call('ZRANGEBYLEX', KEYS[1], '[!', '("', 'LIMIT', 0, 1)[1]
        if not mark then return {} end
        local server = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
        return {mark, string.find(mark, ':' .. server .. ':', 1, true) and 1 or 0}
        """);

    /// <summary>Works below the id, newest first; null when there is no board.</summary>
    /// <exception cref="RedisException">Redis is away.</exception>
    public async Task<BoardPage?> PageAsync(long? below, int count, CancellationToken cancellationToken)
    {
        using var reply = await redis.EvaluateAsync(Page, [_board], [count, below is { } id ? Text(id) : ""], cancellationToken);
        return Read(reply);

        static BoardPage? Read(in RedisReply reply)
        {
            if (reply.Root.Count == 0) return null;
            var (floor, works) = (0L, new List<WorkId>(reply.Root.Count - 1));
            foreach (var element in reply.Root)
            {
                if (element.Bytes[0] == (byte)'!') floor = FloorOf(element.GetString());
                else works.Add(new WorkId(long.Parse(element.Bytes, CultureInfo.InvariantCulture)));
            }
            return new BoardPage(floor, works);
        }
    }

    /// <summary>A public work; no effect without a board.</summary>
    public async Task PutAsync(WorkId work, CancellationToken cancellationToken) =>
        await redis.EvaluateIntegerAsync(Put, [_board, _building], [Text(work.Value), options.BoardMax], cancellationToken);

    /// <summary>A work that is not public (any more).</summary>
    public async Task TakeAsync(WorkId work, CancellationToken cancellationToken)
    {
        await redis.SortedSetRemoveAsync(_board, [Text(work.Value)], cancellationToken);
        await redis.SortedSetRemoveAsync(_building, [Text(work.Value)], cancellationToken);
    }

    /// <summary>Null when there is no board.</summary>
    public async Task<BoardState?> StateAsync(CancellationToken cancellationToken)
    {
        using var reply = await redis.EvaluateAsync(State, [_board], [], cancellationToken);
        return Read(reply);

        static BoardState? Read(in RedisReply reply)
        {
            var parts = reply.Root.GetEnumerator();
            if (!parts.MoveNext()) return null;
            var mark = parts.Current.GetString();
            parts.MoveNext();
            var builtAt = DateTimeOffset.FromUnixTimeSeconds(long.Parse(mark[(mark.LastIndexOf(':') + 1)..], CultureInfo.InvariantCulture));
            return new BoardState(FloorOf(mark), builtAt, parts.Current.Integer == 1);
        }
    }

    /// <summary>From here on changes go to the new board too; false when somebody else is building.</summary>
    public async Task<bool> BeginAsync(string token, CancellationToken cancellationToken) =>
        await redis.EvaluateIntegerAsync(Begin, [_building], [token, BuildingLifetimeMs], cancellationToken) == 1;

    /// <summary>False when the build was overtaken.</summary>
    public async Task<bool> FillAsync(string token, IReadOnlyList<WorkId> works, CancellationToken cancellationToken) =>
        await redis.EvaluateIntegerAsync(Fill, [_building], [token, BuildingLifetimeMs, .. works.Select(work => (RedisArg)Text(work.Value))], cancellationToken) == 1;

    /// <summary>The new board takes the old one's place; false when the build was overtaken.</summary>
    public async Task<bool> SwapAsync(string token, long floor, DateTimeOffset now, CancellationToken cancellationToken) =>
        await redis.EvaluateIntegerAsync(Swap, [_building, _board], [token, Text(floor), now.ToUnixTimeSeconds(), options.BoardMax], cancellationToken) == 1;

    private static string Text(long id) => id.ToString("D19", CultureInfo.InvariantCulture);

    private static long FloorOf(string mark) => long.Parse(mark.AsSpan(1, 19), CultureInfo.InvariantCulture);
}
