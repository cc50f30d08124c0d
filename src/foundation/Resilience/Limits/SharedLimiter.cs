using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SkyRiff.Redis;
using SkyRiff.Resilience.Calls;

namespace SkyRiff.Resilience.Limits;

/// <summary>How a limit is shared by many processes.</summary>
public sealed record SharedLimiterOptions
{
    /// <summary>Which limit it is; part of the Redis key. Letters, digits, dots, dashes.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// While Redis is away each process allows this share of the limit by itself; above 0, up to 1, default one quarter. One divided by the number of
    /// processes keeps the sum.
    /// </summary>
    public double ShareWhenAway { get; init; } = 0.25;

    /// <summary>How long a decision waits for Redis before the process decides alone; default 100 ms.</summary>
    public TimeSpan StoreDurationMax { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>After half of the last ten questions failed, Redis is not asked for this long; default 1 s.</summary>
    public TimeSpan AwayDuration { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How many keys the local tables remember; see <see cref="KeyedLimiterOptions.KeysMax"/>. Default 100,000.</summary>
    public int KeysMax { get; init; } = 100_000;
}

/// <summary>Who made a decision of a <see cref="SharedLimiter"/>.</summary>
public enum DecidedBy
{
    /// <summary>Redis, for all processes.</summary>
    Store,

    /// <summary>This process refused without asking: what it knows already forbids it.</summary>
    Memory,

    /// <summary>This process, with its share of the limit, since Redis is away.</summary>
    Fallback,
}

/// <summary>A decision and who made it.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct SharedDecision(LimitDecision Decision, DecidedBy By)
{
    public bool IsAllowed => Decision.IsAllowed;

    /// <summary>The server's clock in microseconds, when <see cref="By"/> is the store.</summary>
    internal long StoreTime { get; init; }
}

/// <summary>
/// One limit for very many keys, kept in Redis for all processes: an atomic script per decision, by the server's clock. Before Redis is asked, two local tables
/// are: this process's own takes (what exceeds the whole limit here exceeds it everywhere) and the refusals that were heard, so a flood on
/// one key costs Redis no more than its limit. When Redis is away, a share of the limit is decided locally. Thread-safe; a decision allocates
/// nothing beyond its Redis key's text.
/// </summary>
public sealed class SharedLimiter
{
    private readonly RedisClient _redis;
    private readonly MonotonicClock _clock;
    private readonly CircuitBreaker _breaker;
    private readonly RedisScript _script;
    private readonly RedisArg _unit;
    private readonly long _limit;
    private readonly string _prefix;
    private readonly byte[] _prefixBytes;
    private readonly KeyedLimiter _own;
    private readonly KeyedLimiter _fallback;
    private readonly KeyTable<RefusalMemory, Refusal> _refusals;
    private long _asked;

    private SharedLimiter(RedisClient redis, MonotonicClock clock, SharedLimiterOptions options, string kind, RedisScript script, RedisArg unit, long limit, KeyedLimiter own, KeyedLimiter fallback)
    {
        SharedNames.Check(options.Name);
        if (options.StoreDurationMax <= TimeSpan.Zero) throw new ArgumentOutOfRangeException(nameof(options), options.StoreDurationMax, "StoreDurationMax is positive.");
        (_redis, _clock, _script, _unit, _own, _fallback, _limit) = (redis.WithTimeLimit(options.StoreDurationMax), clock, script, unit, own, fallback, limit);
        _prefix = $"limit:{kind}:{options.Name}:";
        _prefixBytes = System.Text.Encoding.UTF8.GetBytes(_prefix);
        _refusals = new KeyTable<RefusalMemory, Refusal>(new RefusalMemory(limit), Tables(options));
        _breaker = new CircuitBreaker(new CircuitBreakerOptions { OpenDuration = options.AwayDuration, ProbeDurationMax = options.StoreDurationMax + options.AwayDuration });
    }

    /// <summary>The most that one key can take at once.</summary>
    public long Limit => _limit;

    /// <summary>How often Redis was asked.</summary>
    public long Asked => Volatile.Read(ref _asked);

    /// <summary>Whether decisions are made alone at this moment.</summary>
    public bool IsAway => _breaker.StateAt(_clock.Now) != BreakerState.Closed;

    /// <summary>The local tables, for a <see cref="LimitSweeper"/>.</summary>
    public IReadOnlyList<KeyedLimiter> LocalTables => [_own, _fallback, _refusals];

    public static SharedLimiter Of(TokenBucket rule, SharedLimiterOptions options, RedisClient redis, MonotonicClock clock) => new(
        redis, clock, options, "bucket", SharedLimitScripts.TokenBucket, rule.NanosecondsPerToken / 1e3, rule.Limit, KeyedLimiter.Of(rule, Tables(options)), KeyedLimiter.Of(rule.Times(options.ShareWhenAway), Tables(options)));

    public static SharedLimiter Of(SlidingWindow rule, SharedLimiterOptions options, RedisClient redis, MonotonicClock clock) =>
        OfWindow(rule, options, redis, clock, "window", SharedLimitScripts.SlidingWindow, new TokenBucket(rule.Limit * 2, rule.Limit * 2, rule.Window));

    /// <inheritdoc cref="Of(SlidingWindow, SharedLimiterOptions, RedisClient, MonotonicClock)"/>
    public static SharedLimiter Of(ExactSlidingWindow rule, SharedLimiterOptions options, RedisClient redis, MonotonicClock clock) =>
        OfWindow(new SlidingWindow((int)rule.Limit, rule.Window), options, redis, clock, "exact", SharedLimitScripts.ExactSlidingWindow, new TokenBucket(rule.Limit, rule.Limit, rule.Window));

    // Windows have other borders here than at the server, so what this process takes is bounded by a bucket that is above whatever the window can allow: an
    // exact one at most limit * (1 + t / window) in any time t, a counted one at most twice that. The fallback counts: 16 bytes a key.
    private static SharedLimiter OfWindow(SlidingWindow rule, SharedLimiterOptions options, RedisClient redis, MonotonicClock clock, string kind, RedisScript script, TokenBucket own) => new(
        redis, clock, options, kind, script, (long)rule.Window.TotalMicroseconds, rule.Limit, KeyedLimiter.Of(own, Tables(options)), KeyedLimiter.Of(rule.Times(options.ShareWhenAway), Tables(options)));

    /// <summary>Takes <paramref name="cost"/> for <paramref name="id"/>; a cost of zero only looks.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled; it may have been taken.</exception>
    public ValueTask<SharedDecision> TakeAsync(string id, long cost, CancellationToken cancellationToken)
    {
        var key = LimitKey.Of(id);
        return TryDecideAlone(key, cost, out var permit, out var now, out var decision) ? new(decision) : AskAsync(_prefix + id, key, cost, permit, now, cancellationToken);
    }

    /// <summary>The same for an id in bytes, such as an address; the same bytes are the same id, whether the text's UTF-8 or not.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled; it may have been taken.</exception>
    public ValueTask<SharedDecision> TakeAsync(ReadOnlySpan<byte> id, long cost, CancellationToken cancellationToken)
    {
        var key = LimitKey.Of(id);
        if (TryDecideAlone(key, cost, out var permit, out var now, out var decision)) return new(decision);
        var redisKey = new byte[_prefixBytes.Length + id.Length];
        _prefixBytes.CopyTo(redisKey, 0);
        id.CopyTo(redisKey.AsSpan(_prefixBytes.Length));
        return AskAsync(redisKey, key, cost, permit, now, cancellationToken);
    }

    /// <summary>Gives back what was taken but not used; nothing happens when Redis is away.</summary>
    public async ValueTask GiveBackAsync(string id, long cost, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cost);
        var key = LimitKey.Of(id);
        var now = _clock.Now;
        _own.GiveBack(key, cost, now);
        _refusals.GiveBack(key, cost, now);
        var permit = _breaker.TryEnter(now);
        if (!permit.IsAllowed)
        {
            _fallback.GiveBack(key, cost, now);
            return;
        }
        var verdict = Verdict.Abandoned;
        try
        {
            using var reply = await _redis.EvaluateAsync(_script, [_prefix + id], [_unit, _limit, -cost], cancellationToken);
            verdict = Verdict.Succeeded;
        }
        catch (RedisException)
        {
            verdict = Verdict.Failed;
        }
        finally
        {
            Report(permit, verdict, now);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<SharedDecision> AskAsync(RedisArg redisKey, LimitKey key, long cost, BreakerPermit permit, long now, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _asked);
        var verdict = Verdict.Abandoned;
        try
        {
            using var reply = await _redis.EvaluateAsync(_script, [redisKey], [_unit, _limit, cost], cancellationToken);
            var answer = Read(reply, _limit);
            verdict = Verdict.Succeeded;
            if (!answer.IsAllowed) Remember(key, cost, answer.Decision);
            return answer;
        }
        catch (RedisException)
        {
            verdict = Verdict.Failed;
            return Alone(key, cost, _clock.Now);
        }
        finally
        {
            Report(permit, verdict, now);
        }
    }

    /// <summary>What needs no question: what is known to be refused, and everything while Redis is away. Otherwise the permit to ask.</summary>
    private bool TryDecideAlone(LimitKey key, long cost, out BreakerPermit permit, out long now, out SharedDecision decision)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cost);
        now = _clock.Now;
        permit = default;
        var known = _refusals.TakeIfKnown(key, cost, now);
        if (!known.IsAllowed)
        {
            decision = new(known, DecidedBy.Memory);
            return true;
        }
        var own = _own.Take(key, cost, now);
        if (!own.IsAllowed)
        {
            decision = new(own with { Limit = _limit, Remaining = Math.Min(_limit, own.Remaining) }, DecidedBy.Memory);
            return true;
        }
        permit = _breaker.TryEnter(now);
        decision = permit.IsAllowed ? default : Alone(key, cost, now);
        return !permit.IsAllowed;
    }

    private SharedDecision Alone(LimitKey key, long cost, long now)
    {
        _own.GiveBack(key, cost, now);
        return new(_fallback.Take(key, cost, now), DecidedBy.Fallback);
    }

    private void Remember(LimitKey key, long cost, LimitDecision refusal)
    {
        var now = _clock.Now;
        _own.GiveBack(key, cost, now);
        if (refusal.RetryAfter == LimitDecision.Never) return; // a cost above the whole limit is no habit
        _refusals.Remember(key, new Refusal(now + MonotonicClock.Nanoseconds(refusal.RetryAfter), now + MonotonicClock.Nanoseconds(refusal.Reset), cost, refusal.Remaining), now);
    }

    private void Report(BreakerPermit permit, Verdict verdict, long began)
    {
        var now = _clock.Now;
        _breaker.Report(permit, verdict, now - began, now);
    }

    internal static SharedDecision Read(RedisReply reply, long limit)
    {
        Span<long> numbers = stackalloc long[5];
        var count = 0;
        foreach (var element in reply.Root) numbers[count++] = element.Integer;
        return new(
            new LimitDecision(numbers[0] == 1, limit, numbers[1], TimeSpan.FromMicroseconds(numbers[2]), numbers[3] < 0 ? LimitDecision.Never : TimeSpan.FromMicroseconds(numbers[3])),
            DecidedBy.Store)
        { StoreTime = numbers[4] };
    }

    private static KeyedLimiterOptions Tables(SharedLimiterOptions options) => new() { KeysMax = options.KeysMax };
}
