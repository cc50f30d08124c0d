using System.Text;
using System.Threading.Channels;
using SkyRiff.Redis;

namespace SkyRiff.Resilience.Limits;

/// <summary>
/// One limit for very many keys that all processes share and no decision waits for: what was taken is told to Redis afterwards, many keys at once, by
/// <see cref="RunAsync"/>, and the answers say how much is left. For callers that may not wait, such as an event loop; whoever can wait and must never exceed the limit
/// takes a <see cref="SharedLimiter"/>.
/// <para>How exact: with <see cref="SharedLimiterOptions.ShareWhenAway"/> at one by the number of processes, all together take at most the limit and one more per process, but for a
/// key that a process had not seen for a moment and others have used up meanwhile: then at most its share of the limit more, within one round trip. All of it
/// is charged, so what was too much is missing afterwards, and over time the rate is the limit's.</para>
/// <para>What it costs: an allowed request one command at most, and less the more there are of one key; a key that is over its limit about 20 commands a second
/// and process, however large the flood. While Redis is away each process allows its share by itself. Thread-safe; a decision allocates only when its key is queued.</para>
/// </summary>
public sealed class DeferredLimiter
{
    /// <summary>Keys that wait to be told; more are told when they are next used.</summary>
    private const int QueueMax = 65_536;

    /// <summary>Commands that are sent together.</summary>
    private const int TogetherMax = 512;

    /// <summary>How long what was taken is gathered before it is told.</summary>
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(5);

    /// <summary>After nothing was left it is not asked again before this.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(50);

    private readonly RedisClient _redis;
    private readonly MonotonicClock _clock;
    private readonly DeferredRule _rule;
    private readonly KeyTable<DeferredRule, DeferredState> _table;
    private readonly KeyedLimiter _fallback;
    private readonly RedisScript _script;
    private readonly RedisArg _unit;
    private readonly string _prefix;
    private readonly TimeSpan _awayDuration;
    private readonly Channel<(LimitKey Key, string RedisKey)> _queue = Channel.CreateBounded<(LimitKey, string)>(new BoundedChannelOptions(QueueMax) { SingleReader = true });
    private readonly SemaphoreSlim _hurry = new(0, 1);
    private int _isHurried;
    private volatile bool _isAway;
    private long _told;

    private DeferredLimiter(RedisClient redis, MonotonicClock clock, SharedLimiterOptions options, string kind, RedisScript script, RedisArg unit, long limit, TimeSpan refill, KeyedLimiter fallback)
    {
        SharedNames.Check(options.Name);
        if (options.StoreDurationMax <= TimeSpan.Zero) throw new ArgumentOutOfRangeException(nameof(options), options.StoreDurationMax, "StoreDurationMax is positive.");
        (_redis, _clock, _script, _unit, _fallback, _awayDuration) = (redis.WithTimeLimit(options.StoreDurationMax), clock, script, unit, fallback, options.AwayDuration);
        _prefix = $"limit:{kind}:{options.Name}:";
        // A quarter of what refills it: a bucket that is full before it is asked again would lose what it could have given.
        var rest = Rest < refill / 4 ? Rest : refill / 4;
        _rule = new DeferredRule(limit, options.ShareWhenAway, MonotonicClock.Nanoseconds(rest));
        _table = new KeyTable<DeferredRule, DeferredState>(_rule, new KeyedLimiterOptions { KeysMax = options.KeysMax });
    }

    /// <summary>The most that one key can take at once.</summary>
    public long Limit => _rule.Limit;

    /// <summary>Commands that were sent.</summary>
    public long Told => Volatile.Read(ref _told);

    /// <summary>Whether this process decides with its share alone at this moment.</summary>
    public bool IsAway => _isAway;

    /// <summary>The local tables, for a <see cref="LimitSweeper"/>.</summary>
    public IReadOnlyList<KeyedLimiter> LocalTables => [_table, _fallback];

    /// <summary>A bucket; its rate is at most 100,000 a second, which is as fine as the server's clock counts.</summary>
    public static DeferredLimiter Of(TokenBucket rule, SharedLimiterOptions options, RedisClient redis, MonotonicClock clock)
    {
        if (rule.NanosecondsPerToken < 10_000) throw new ArgumentOutOfRangeException(nameof(rule), rule.NanosecondsPerToken, "A shared bucket gains at most 100,000 tokens a second.");
        var refill = TimeSpan.FromTicks(rule.Limit * rule.NanosecondsPerToken / TimeSpan.NanosecondsPerTick);
        return new(redis, clock, options, "bucket", DeferredLimitScripts.TokenBucket, rule.NanosecondsPerToken / 1e3, rule.Limit, refill, KeyedLimiter.Of(rule.Times(options.ShareWhenAway), Tables(options)));
    }

    /// <summary>A window of two counters.</summary>
    public static DeferredLimiter Of(SlidingWindow rule, SharedLimiterOptions options, RedisClient redis, MonotonicClock clock) => new(
        redis, clock, options, "window", DeferredLimitScripts.SlidingWindow, (long)rule.Window.TotalMicroseconds, rule.Limit, rule.Window, KeyedLimiter.Of(rule.Times(options.ShareWhenAway), Tables(options)));

    /// <summary>Takes one for an id, such as a user's; the same bytes are the same id in every process.</summary>
    public LimitDecision Take(ReadOnlySpan<byte> id, long now)
    {
        var key = LimitKey.Of(id);
        if (_isAway) return _fallback.Take(key, 1, now);
        var taking = new Taking { Rule = _rule, Now = now };
        if (!_table.TryChange(key, ref taking, now)) return LimitDecision.Refused(Limit, 0, 0, MonotonicClock.NanosecondsPerSecond);
        if (taking.MustQueue && !_queue.Writer.TryWrite((key, _prefix + Encoding.UTF8.GetString(id)))) Unqueue(key, now);
        if (taking.IsUrgent && Interlocked.Exchange(ref _isHurried, 1) == 0) _hurry.Release();
        return taking.Decision;
    }

    /// <summary>Tells the store what was taken until <paramref name="stopping"/> is cancelled; one at a time, in a supervised loop.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        var batch = new List<Tale>(TogetherMax);
        while (true)
        {
            if (_isAway)
            {
                await Task.Delay(_awayDuration, _clock.Time, stopping);
                if (!await IsBackAsync(stopping)) continue;
                _isAway = false;
            }
            await _queue.Reader.WaitToReadAsync(stopping);
            await _hurry.WaitAsync(Gathering, stopping);
            Volatile.Write(ref _isHurried, 0);
            batch.Clear();
            while (batch.Count < TogetherMax && _queue.Reader.TryRead(out var item))
            {
                var telling = default(Telling);
                if (_table.TryChange(item.Key, ref telling, _clock.Now) && telling.Taken > 0) batch.Add(new(item.Key, item.RedisKey, telling.Taken));
            }
            if (batch.Count > 0 && !await TellAsync(batch, stopping)) _isAway = true;
        }
    }

    /// <summary>False when the store did not answer all.</summary>
    private async Task<bool> TellAsync(List<Tale> batch, CancellationToken stopping)
    {
        using (_redis.Pipeline())
        {
            foreach (var told in batch) told.Reply = _redis.EvaluateAsync(_script, [told.RedisKey], [_unit, Limit, told.Taken], stopping).AsTask();
        }
        Interlocked.Add(ref _told, batch.Count);
        var isGood = true;
        foreach (var told in batch)
        {
            var hearing = new Hearing { Rule = _rule, Now = _clock.Now };
            try
            {
                using var reply = await told.Reply!;
                hearing.Read(reply);
            }
            catch (RedisException)
            {
                isGood = false;
            }
            _table.TryChange(told.Key, ref hearing, hearing.Now);
        }
        return isGood;
    }

    private async Task<bool> IsBackAsync(CancellationToken stopping)
    {
        try
        {
            await _redis.PingAsync(stopping);
            return true;
        }
        catch (RedisException)
        {
            return false;
        }
    }

    private void Unqueue(LimitKey key, long now)
    {
        var forgetting = default(Forgetting);
        _table.TryChange(key, ref forgetting, now);
    }

    private static KeyedLimiterOptions Tables(SharedLimiterOptions options) => new() { KeysMax = options.KeysMax };

    private sealed class Tale(LimitKey key, string redisKey, int taken)
    {
        public LimitKey Key { get; } = key;

        public string RedisKey { get; } = redisKey;

        public int Taken { get; } = taken;

        public Task<RedisReply>? Reply { get; set; }
    }

    private struct Taking : IStateChange<DeferredState>
    {
        public DeferredRule Rule;
        public long Now;
        public LimitDecision Decision;
        public bool MustQueue;
        public bool IsUrgent;

        public void Apply(ref DeferredState state) => Decision = Rule.Take(ref state, Now, out MustQueue, out IsUrgent);
    }

    private struct Telling : IStateChange<DeferredState>
    {
        public int Taken;

        public void Apply(ref DeferredState state) => Taken = DeferredRule.Tell(ref state);
    }

    private struct Hearing : IStateChange<DeferredState>
    {
        public DeferredRule Rule;
        public long Now;
        private bool _isHeard;
        private long _remaining;
        private long _reset;
        private long _retry;

        public void Read(RedisReply reply)
        {
            Span<long> numbers = stackalloc long[3];
            var count = 0;
            foreach (var element in reply.Root) numbers[count++] = element.Integer;
            (_isHeard, _remaining, _reset, _retry) = (true, numbers[0], numbers[1] * 1000, numbers[2] * 1000);
        }

        public void Apply(ref DeferredState state)
        {
            if (_isHeard) Rule.Hear(ref state, _remaining, _retry, _reset, Now);
            else Rule.Miss(ref state);
        }
    }

    private struct Forgetting : IStateChange<DeferredState>
    {
        public void Apply(ref DeferredState state) => state.IsQueued = false;
    }
}
