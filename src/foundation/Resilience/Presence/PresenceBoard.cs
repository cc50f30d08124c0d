using SkyRiff.Redis;

namespace SkyRiff.Resilience.Presence;

/// <summary>Bounds of a <see cref="PresenceBoard"/>.</summary>
public sealed record PresenceOptions
{
    /// <summary>Part of the Redis keys.</summary>
    public required string Name { get; init; }

    /// <summary>Who was not heard of for this long is offline; default 60 s. A process that crashed takes its members along after it.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Who left stays this long, in case another connection of the same member beats meanwhile or a page is being reloaded; default 20 s. A
    /// <see cref="PresenceLoop"/> beats a little more often than that.
    /// </summary>
    public TimeSpan LeaveGrace { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Sorted sets over which members are spread; 1 .. 1,024, default 16. All processes must agree.</summary>
    public int Shards { get; init; } = 16;

    /// <summary>Per shard; the longest unheard are forgotten beyond it. Default 250,000: four million in all.</summary>
    public int MembersPerShardMax { get; init; } = 250_000;
}

/// <summary>
/// Who is online, over all processes: sorted sets of members by when they were last heard of, by the server's clock. Nothing has to be cleaned up after a crash: who
/// does not beat any more fades, and every beat removes whom it finds faded. Members are numbers (user ids). Thread-safe.
/// </summary>
public sealed class PresenceBoard
{
    /// <summary>Members per question or beat.</summary>
    public const int BatchMax = 1_000;

    private const string Now = """
        local t = redis.call('TIME')
        local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)

        """;

    // ARGV: lifetime in milliseconds, most members, then members. Answers how many were not there.
    private static readonly RedisScript BeatScript = new(Now + """
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[1]))
        local added = 0
        for index = 3, #ARGV do added = added + redis.call('ZADD', KEYS[1], now, ARGV[index]) end
        local surplus = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[2])
        if surplus > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, surplus - 1) end
        redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[1]) * 2)
        return added
        """);

    // ARGV: by how much earlier than now they fade, then members. Only back in time: another's beat is not undone for longer than the grace.
    private static readonly RedisScript LeaveScript = new(Now + """
        local left = 0
        for index = 2, #ARGV do left = left + redis.call('ZADD', KEYS[1], 'XX', 'LT', 'CH', now - tonumber(ARGV[1]), ARGV[index]) end
        return left
        """);

    // ARGV: lifetime in milliseconds.
    private static readonly RedisScript CountScript = new(Now + "return redis.call('ZCOUNT', KEYS[1], '(' .. (now - tonumber(ARGV[1])), '+inf')");

    // ARGV: lifetime in milliseconds, then members. Answers one 0 or 1 each.
    private static readonly RedisScript AmongScript = new(Now + """
        local online = {}
        for index = 2, #ARGV do
          local seen = redis.call('ZSCORE', KEYS[1], ARGV[index])
          online[index - 1] = (seen and tonumber(seen) > now - tonumber(ARGV[1])) and 1 or 0
        end
        return online
        """);

    // ARGV: lifetime in milliseconds, how many. The latest first, with when they were heard of.
    private static readonly RedisScript LatestScript = new(Now + """
        return redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', '(' .. (now - tonumber(ARGV[1])), 'WITHSCORES', 'LIMIT', 0, ARGV[2])
        """);

    private readonly PresenceOptions _options;
    private readonly RedisClient _redis;
    private readonly string[] _keys;

    public PresenceBoard(PresenceOptions options, RedisClient redis)
    {
        SharedNames.Check(options.Name);
        if (options.Shards is < 1 or > 1_024) throw new ArgumentOutOfRangeException(nameof(options), options.Shards, "Shards is 1 to 1,024.");
        if (options.MembersPerShardMax is < 1 or > 10_000_000) throw new ArgumentOutOfRangeException(nameof(options), options.MembersPerShardMax, "MembersPerShardMax is 1 to 10 million.");
        if (options.LeaveGrace <= TimeSpan.Zero || options.Lifetime <= options.LeaveGrace) throw new ArgumentOutOfRangeException(nameof(options), "0 < LeaveGrace < Lifetime.");
        (_options, _redis) = (options, redis);
        _keys = [.. Enumerable.Range(0, options.Shards).Select(shard => $"presence:{options.Name}:{shard}")];
    }

    internal PresenceOptions Options => _options;

    /// <summary>These are online now; one round trip for all of them. Answers how many were not online before.</summary>
    /// <exception cref="ResilienceException">Of kind <see cref="ResilienceFault.StoreAway"/>, as for all questions.</exception>
    public async Task<long> BeatAsync(IReadOnlyCollection<long> members, CancellationToken cancellationToken)
    {
        var answers = await AskAsync(BeatScript, [Milliseconds(_options.Lifetime), _options.MembersPerShardMax], members, cancellationToken);
        return answers.Sum(answer => answer.Integers[0]);
    }

    /// <summary>These have left this process; they are offline after <see cref="PresenceOptions.LeaveGrace"/> unless somebody beats for them.</summary>
    public Task LeaveAsync(IReadOnlyCollection<long> members, CancellationToken cancellationToken) =>
        AskAsync(LeaveScript, [Milliseconds(_options.Lifetime - _options.LeaveGrace)], members, cancellationToken);

    /// <summary>Which of these are online.</summary>
    public async Task<IReadOnlySet<long>> OnlineAmongAsync(IReadOnlyCollection<long> members, CancellationToken cancellationToken)
    {
        var online = new HashSet<long>();
        foreach (var (asked, integers) in await AskAsync(AmongScript, [Milliseconds(_options.Lifetime)], members, cancellationToken))
        {
            for (var i = 0; i < asked.Count; i++)
            {
                if (integers[i] == 1) online.Add(asked[i]);
            }
        }
        return online;
    }

    /// <summary>How many are online in all; one round trip.</summary>
    public async Task<long> CountAsync(CancellationToken cancellationToken)
    {
        var answers = await EachAsync(_keys, key => _redis.EvaluateAsync(CountScript, [key], [Milliseconds(_options.Lifetime)], cancellationToken));
        return answers.Sum(integers => integers[0]);
    }

    /// <summary>Those who were heard of last, the latest first; at most <see cref="BatchMax"/>.</summary>
    public async Task<IReadOnlyList<long>> LatestAsync(int count, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, BatchMax);
        var answers = await EachAsync(_keys, key => _redis.EvaluateAsync(LatestScript, [key], [Milliseconds(_options.Lifetime), count], cancellationToken));
        return [.. answers.SelectMany(Pairs).OrderByDescending(pair => pair.Seen).Take(count).Select(pair => pair.Member)];
    }

    private static IEnumerable<(long Member, long Seen)> Pairs(IReadOnlyList<long> integers)
    {
        for (var i = 0; i + 1 < integers.Count; i += 2) yield return (integers[i], integers[i + 1]);
    }

    private async Task<List<(IReadOnlyList<long> Asked, IReadOnlyList<long> Integers)>> AskAsync(
        RedisScript script, RedisArg[] head, IReadOnlyCollection<long> members, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(members.Count, BatchMax, nameof(members));
        var groups = members.GroupBy(member => (int)(Hashing.SipHash.Stable.Hash((ulong)member) % (ulong)_keys.Length)).Select(group => (Shard: group.Key, Members: group.ToList())).ToList();
        var answers = await EachAsync(
            groups,
            group => _redis.EvaluateAsync(script, [_keys[group.Shard]], [.. head, .. group.Members.Select(member => (RedisArg)member)], cancellationToken));
        return [.. groups.Zip(answers, (group, integers) => ((IReadOnlyList<long>)group.Members, integers))];
    }

    /// <summary>Asks all at once, so that the questions travel together.</summary>
    private async Task<List<IReadOnlyList<long>>> EachAsync<T>(IReadOnlyCollection<T> items, Func<T, ValueTask<RedisReply>> ask)
    {
        List<Task<RedisReply>> questions;
        using (_redis.Pipeline()) questions = [.. items.Select(item => ask(item).AsTask())];
        var answers = new List<IReadOnlyList<long>>(questions.Count);
        RedisException? failure = null;
        foreach (var question in questions)
        {
            try
            {
                using var reply = await question;
                answers.Add(Integers(reply));
            }
            catch (RedisException caught)
            {
                failure = caught; // the others are still awaited: their replies are leased
            }
        }
        return failure is null ? answers : throw new ResilienceException(ResilienceFault.StoreAway, "Presence could not be asked.", failure);
    }

    private static List<long> Integers(RedisReply reply)
    {
        var integers = new List<long>();
        Collect(reply.Root);
        return integers;

        void Collect(SkyRiff.Redis.Protocol.RespElement element)
        {
            if (!element.IsAggregate) integers.Add((long)element.Double);
            foreach (var child in element) Collect(child);
        }
    }

    private static long Milliseconds(TimeSpan duration) => (long)duration.TotalMilliseconds;
}
