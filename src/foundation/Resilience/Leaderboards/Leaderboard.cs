using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using SkyRiff.Kernel;
using SkyRiff.Redis;

namespace SkyRiff.Resilience.Leaderboards;

/// <summary>
/// Who has most, on one Redis sorted set per period: ranks without gaps, ties to who was there first, one round trip per question. Redis holds a view; the truth is
/// elsewhere, and <see cref="RebuildAsync"/> makes the view anew from it. Scores are whole, within ±2^32. Thread-safe.
/// </summary>
public sealed class Leaderboard
{
    private const int RebuildBatch = 500;

    /// <summary>How many places a question may ask for.</summary>
    public const int PageMax = 1_000;

    // KEYS: the board, and the one that is being rebuilt, if any. ARGV: member, by (or "=score"), steps left (or -1: the server's clock), begin and length of the
    // period in seconds, lifetime in milliseconds, most members. Answers the new score.
    private static readonly RedisScript Change = new("""
        local steps = 1048576
        local left = tonumber(ARGV[3])
        if left < 0 then
          local t = redis.call('TIME')
          local share = (tonumber(t[1]) + tonumber(t[2]) / 1000000 - tonumber(ARGV[4])) / tonumber(ARGV[5])
          left = steps - 1 - math.floor(math.max(0, math.min(steps - 1, share * steps)))
        end
        local answer = 0
        for index, key in ipairs(KEYS) do
          local before = redis.call('ZSCORE', key, ARGV[1])
          local isSet = string.sub(ARGV[2], 1, 1) == '='
          -- Nothing can be added to what a rebuild has not read yet.
          if index == 1 or before or (isSet and redis.call('EXISTS', key) == 1) then
            local old = before and math.floor(tonumber(before) / steps)
            local score
            if isSet then score = tonumber(string.sub(ARGV[2], 2)) else score = (old or 0) + tonumber(ARGV[2]) end
            score = math.max(-4294967296, math.min(4294967296, score))
            if score ~= old then redis.call('ZADD', key, string.format('%.0f', score * steps + left), ARGV[1]) end
            redis.call('PEXPIRE', key, ARGV[6])
            local surplus = redis.call('ZCARD', key) - tonumber(ARGV[7])
            if surplus > 0 then redis.call('ZREMRANGEBYRANK', key, 0, surplus - 1) end
            if index == 1 then answer = score end
          end
        end
        return string.format('%.0f', answer)
        """);

    // ARGV: member, how many above and below. Answers {rank of the first, member, score, ...}; nothing when the member is not there.
    private static readonly RedisScript Around = new("""
        local rank = redis.call('ZREVRANK', KEYS[1], ARGV[1])
        if not rank then return {} end
        local first = math.max(0, rank - tonumber(ARGV[2]))
        local places = redis.call('ZREVRANGE', KEYS[1], first, rank + tonumber(ARGV[2]), 'WITHSCORES')
        table.insert(places, 1, first + 1)
        return places
        """);

    // KEYS: the board that is being rebuilt. ARGV: the rebuild's token, lifetime in milliseconds. The token stands on the board until it is whole: it tells changes
    // that there is a rebuild, and an older rebuild that it is not its own any more.
    private static readonly RedisScript Begin = new("""
        redis.call('DEL', KEYS[1])
        redis.call('ZADD', KEYS[1], '+inf', ARGV[1])
        return redis.call('PEXPIRE', KEYS[1], ARGV[2])
        """);

    // The same, and most members, then scores and members. Answers 0 when another rebuild began. Who is there already was set meanwhile, and is newer.
    private static readonly RedisScript Fill = new("""
        if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
        for index = 4, #ARGV, 2 do redis.call('ZADD', KEYS[1], 'NX', ARGV[index], ARGV[index + 1]) end
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        local surplus = redis.call('ZCARD', KEYS[1]) - 1 - tonumber(ARGV[3])
        if surplus > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, surplus - 1) end
        return 1
        """);

    // KEYS: rebuilt, the board. ARGV: token, lifetime. A rebuild of nothing leaves nothing.
    private static readonly RedisScript Swap = new("""
        if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
        if redis.call('EXISTS', KEYS[1]) == 0 then
          redis.call('DEL', KEYS[2])
        else
          redis.call('RENAME', KEYS[1], KEYS[2])
          redis.call('PEXPIRE', KEYS[2], ARGV[2])
        end
        return 1
        """);

    private readonly LeaderboardOptions _options;
    private readonly RedisClient _redis;
    private readonly TimeProvider _time;
    private readonly Entropy _entropy;

    public Leaderboard(LeaderboardOptions options, RedisClient redis, TimeProvider time, Entropy entropy)
    {
        SharedNames.Check(options.Name);
        if (options.KeepDuration <= TimeSpan.Zero) throw new ArgumentOutOfRangeException(nameof(options), options.KeepDuration, "KeepDuration is positive.");
        if (options.MembersMax is < 10 or > 10_000_000) throw new ArgumentOutOfRangeException(nameof(options), options.MembersMax, "MembersMax is 10 to 10 million.");
        (_options, _redis, _time, _entropy) = (options, redis, time, entropy);
    }

    /// <summary>Adds to a member's score in the present period, and answers the new score. A change of nothing does not make the score any younger.</summary>
    public Task<long> AddAsync(string member, long by, CancellationToken cancellationToken) => ChangeAsync(member, by.ToString(CultureInfo.InvariantCulture), cancellationToken);

    /// <summary>Sets a member's score in the present period.</summary>
    public Task SetAsync(string member, long score, CancellationToken cancellationToken) => ChangeAsync(member, "=" + score.ToString(CultureInfo.InvariantCulture), cancellationToken);

    /// <summary>Takes a member off the present period's board; false when it was not there.</summary>
    public async Task<bool> RemoveAsync(string member, CancellationToken cancellationToken) =>
        await Try(_redis.SortedSetRemoveAsync(KeyOf(Span(null)), [member], cancellationToken)) > 0;

    /// <summary>The best, from <paramref name="skip"/>+1 on.</summary>
    /// <param name="skip">How many to leave out.</param>
    /// <param name="count">1 .. <see cref="PageMax"/>.</param>
    /// <param name="period">A moment in the period that is asked for; null for the present one.</param>
    /// <param name="cancellationToken">Ends the asking.</param>
    public async Task<IReadOnlyList<BoardEntry>> TopAsync(long skip, int count, DateTimeOffset? period, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(skip);
        CheckPage(count);
        using var reply = await Try(_redis.SortedSetRangeAsync(KeyOf(Span(period)), skip, skip + count - 1, descending: true, withScores: true, cancellationToken));
        var entries = new List<BoardEntry>(count);
        var reader = new RedisSortedSetReader(reply.Root);
        while (reader.MoveNext()) entries.Add(new BoardEntry(skip + entries.Count + 1, Encoding.UTF8.GetString(reader.Member), BoardScore.ScoreOf(reader.Score)));
        return entries;
    }

    /// <summary>A member and up to <paramref name="radius"/> places above and below it; empty when it is not there.</summary>
    public async Task<IReadOnlyList<BoardEntry>> AroundAsync(string member, int radius, DateTimeOffset? period, CancellationToken cancellationToken)
    {
        CheckPage((radius * 2) + 1);
        using var reply = await Try(_redis.EvaluateAsync(Around, [KeyOf(Span(period))], [member, radius], cancellationToken));
        var entries = new List<BoardEntry>((radius * 2) + 1);
        var answer = reply.Root.GetEnumerator();
        if (!answer.MoveNext()) return entries;
        for (var rank = answer.Current.Integer; answer.MoveNext(); rank++)
        {
            var name = answer.Current.GetString();
            answer.MoveNext();
            entries.Add(new BoardEntry(rank, name, BoardScore.ScoreOf(answer.Current.Double)));
        }
        return entries;
    }

    /// <summary>A member's place; null when it is not there.</summary>
    public async Task<BoardEntry?> FindAsync(string member, DateTimeOffset? period, CancellationToken cancellationToken)
    {
        var entries = await AroundAsync(member, 0, period, cancellationToken);
        return entries.Count == 0 ? null : entries[0];
    }

    /// <summary>How many are on the board.</summary>
    public async Task<long> CountAsync(DateTimeOffset? period, CancellationToken cancellationToken) => await Try(_redis.SortedSetCountAsync(KeyOf(Span(period)), cancellationToken));

    /// <summary>
    /// Makes a period's board anew. Readers see the old one until the new one is whole, then the new one at once. What <see cref="SetAsync"/> says meanwhile wins over
    /// the source; what <see cref="AddAsync"/> adds meanwhile is kept for members that were read before and expected in the source for the others, so a board that must be exact
    /// while it is rebuilt is fed by <see cref="SetAsync"/>. A rebuild that begins while another runs replaces it.
    /// </summary>
    /// <returns>How many members were read from the source.</returns>
    /// <exception cref="ResilienceException">Of kind <see cref="ResilienceFault.LeaseLost"/> when another rebuild began; the board is untouched.</exception>
    public async Task<long> RebuildAsync(IAsyncEnumerable<BoardRecord> source, DateTimeOffset? period, CancellationToken cancellationToken)
    {
        var span = Span(period);
        var (board, rebuilt) = (KeyOf(span), RebuildKeyOf(span));
        var lifetime = Lifetime(span);
        var token = "rebuild " + _entropy.NextSecret(12);
        await Try(_redis.EvaluateIntegerAsync(Begin, [rebuilt], [token, lifetime], cancellationToken));
        long count = 0;
        var batch = new List<RedisArg>(RebuildBatch * 2) { token, lifetime, _options.MembersMax };
        await foreach (var record in source.WithCancellation(cancellationToken))
        {
            batch.Add(BoardScore.Compose(record.Score, BoardScore.StepsLeft(span, record.ReachedAt)));
            batch.Add(record.Member);
            if (++count % RebuildBatch == 0) await FillAsync();
        }
        await FillAsync();
        if (await Try(_redis.EvaluateIntegerAsync(Swap, [rebuilt, board], [token, lifetime], cancellationToken)) == 0) throw Replaced();
        return count;

        async ValueTask FillAsync()
        {
            if (await Try(_redis.EvaluateIntegerAsync(Fill, [rebuilt], CollectionsMarshal.AsSpan(batch), cancellationToken)) == 0) throw Replaced();
            batch.RemoveRange(3, batch.Count - 3);
        }

        ResilienceException Replaced() => new(ResilienceFault.LeaseLost, $"Another rebuild of the board {_options.Name} began.");
    }

    private async Task<long> ChangeAsync(string member, string change, CancellationToken cancellationToken)
    {
        var span = Span(null);
        RedisArg[] arguments =
        [
            member, change, -1, span.Begin.ToUnixTimeSeconds(), (long)(span.End - span.Begin).TotalSeconds, Lifetime(span), _options.MembersMax,
        ];
        using var reply = await Try(_redis.EvaluateAsync(Change, [KeyOf(span), RebuildKeyOf(span)], arguments, cancellationToken));
        return reply.Root.Integer;
    }

    private BoardSpan Span(DateTimeOffset? period) => BoardSpan.At(_options.Period, period ?? _time.GetUtcNow());

    private long Lifetime(BoardSpan span)
    {
        var rest = _options.Period == BoardPeriod.None ? TimeSpan.Zero : span.End - _time.GetUtcNow();
        return (long)(rest > TimeSpan.Zero ? rest + _options.KeepDuration : _options.KeepDuration).TotalMilliseconds;
    }

    // The braces make a cluster keep a board and its rebuild in one slot.
    private string KeyOf(BoardSpan span) => $"board:{{{_options.Name}:{span.Id}}}";

    private string RebuildKeyOf(BoardSpan span) => KeyOf(span) + ":rebuild";

    private static void CheckPage(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, PageMax);
    }

    private static async ValueTask<T> Try<T>(ValueTask<T> question)
    {
        try
        {
            return await question;
        }
        catch (RedisException failure)
        {
            throw new ResilienceException(ResilienceFault.StoreAway, "The board could not be reached.", failure);
        }
    }
}
