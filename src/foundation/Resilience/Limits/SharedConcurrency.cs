using SkyRiff.Kernel;
using SkyRiff.Redis;

namespace SkyRiff.Resilience.Limits;

/// <summary>How many at a time, over all processes.</summary>
public sealed record SharedConcurrencyOptions
{
    /// <summary>Which limit it is; part of the Redis key.</summary>
    public required string Name { get; init; }

    /// <summary>Places per id; at least 1.</summary>
    public required int Limit { get; init; }

    /// <summary>A place that is neither released nor renewed for this long is free again, so a process that died holds nothing; default 1 min.</summary>
    public TimeSpan HoldDuration { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>While Redis is away each process gives this share of the places by itself; above 0, up to 1, default one quarter, and always at least one place.</summary>
    public double ShareWhenAway { get; init; } = 0.25;

    /// <summary>How long a question to Redis may take; default 100 ms.</summary>
    public TimeSpan StoreDurationMax { get; init; } = TimeSpan.FromMilliseconds(100);
}

/// <summary>A bounded number of places per id, kept in Redis for all processes, by the server's clock. Thread-safe.</summary>
public sealed class SharedConcurrency
{
    private readonly RedisClient _redis;
    private readonly MonotonicClock _clock;
    private readonly Entropy _entropy;
    private readonly SharedConcurrencyOptions _options;
    private readonly string _prefix;
    private readonly KeyedLimiter _own;
    private readonly KeyedLimiter _fallback;

    public SharedConcurrency(SharedConcurrencyOptions options, RedisClient redis, MonotonicClock clock, Entropy entropy)
    {
        SharedNames.Check(options.Name);
        if (options.HoldDuration <= TimeSpan.Zero || options.StoreDurationMax <= TimeSpan.Zero) throw new ArgumentOutOfRangeException(nameof(options), "Durations are positive.");
        if (options.ShareWhenAway is not (> 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(options), options.ShareWhenAway, "ShareWhenAway is above 0 and at most 1.");
        (_options, _redis, _clock, _entropy) = (options, redis.WithTimeLimit(options.StoreDurationMax), clock, entropy);
        _prefix = $"limit:held:{options.Name}:";
        var tables = new KeyedLimiterOptions { KeysMax = 100_000 };
        _own = KeyedLimiter.Of(new ConcurrencyLimit(options.Limit), tables);
        _fallback = KeyedLimiter.Of(new ConcurrencyLimit(Math.Max(1, (long)(options.Limit * options.ShareWhenAway))), tables);
    }

    /// <summary>The local tables, for a <see cref="LimitSweeper"/>.</summary>
    public IReadOnlyList<KeyedLimiter> LocalTables => [_own, _fallback];

    /// <summary>
    /// Takes <paramref name="cost"/> places. The answer's <see cref="SharedPlaces.Decision"/> tells whether it got them; then it is to be disposed, and renewed when it
    /// holds longer than <see cref="SharedConcurrencyOptions.HoldDuration"/>.
    /// </summary>
    public async ValueTask<SharedPlaces> TakeAsync(string id, int cost, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(cost, 1);
        var key = LimitKey.Of(id);
        var own = _own.Take(key, cost, _clock.Now);
        if (!own.IsAllowed) return new SharedPlaces(this, id, cost, "", new SharedDecision(own, DecidedBy.Memory)); // this process alone holds too many
        var holder = _entropy.NextSecret(12);
        try
        {
            using var reply = await _redis.EvaluateAsync(SharedLimitScripts.Hold, [_prefix + id], [_options.Limit, cost, holder, Microseconds], cancellationToken);
            var answer = SharedLimiter.Read(reply, _options.Limit);
            if (!answer.IsAllowed) _own.GiveBack(key, cost, _clock.Now);
            return new SharedPlaces(this, id, cost, holder, answer);
        }
        catch (RedisException)
        {
            var alone = _fallback.Take(key, cost, _clock.Now);
            if (!alone.IsAllowed) _own.GiveBack(key, cost, _clock.Now);
            return new SharedPlaces(this, id, cost, holder, new SharedDecision(alone, DecidedBy.Fallback));
        }
        catch (OperationCanceledException)
        {
            _own.GiveBack(key, cost, _clock.Now); // if Redis gave places all the same, they come free by themselves
            throw;
        }
    }

    private long Microseconds => (long)_options.HoldDuration.TotalMicroseconds;

    internal async ValueTask<bool> RenewAsync(SharedPlaces places, CancellationToken cancellationToken)
    {
        if (places.Decision.By == DecidedBy.Fallback) return true;
        try
        {
            return await _redis.EvaluateIntegerAsync(SharedLimitScripts.Renew, [_prefix + places.Id], [places.Cost, places.Holder, Microseconds], cancellationToken) == 1;
        }
        catch (RedisException failure)
        {
            throw new ResilienceException(ResilienceFault.StoreAway, "The places could not be renewed.", failure);
        }
    }

    internal async ValueTask ReleaseAsync(SharedPlaces places)
    {
        var key = LimitKey.Of(places.Id);
        _own.GiveBack(key, places.Cost, _clock.Now);
        if (places.Decision.By == DecidedBy.Fallback) _fallback.GiveBack(key, places.Cost, _clock.Now);
        try
        {
            // Also after a fallback: the question that was not answered may have taken places.
            await _redis.EvaluateIntegerAsync(SharedLimitScripts.Release, [_prefix + places.Id], [places.Cost, places.Holder], CancellationToken.None);
        }
        catch (RedisException)
        {
            // They come free by themselves after HoldDuration.
        }
    }
}

/// <summary>Places that were asked for, and held if they were given. Disposing gives them back, once.</summary>
public sealed class SharedPlaces : IAsyncDisposable
{
    private readonly SharedConcurrency _limit;
    private int _isReleased;

    internal SharedPlaces(SharedConcurrency limit, string id, int cost, string holder, SharedDecision decision) =>
        (_limit, Id, Cost, Holder, Decision) = (limit, id, cost, holder, decision);

    public SharedDecision Decision { get; }

    public bool IsAllowed => Decision.IsAllowed;

    internal string Id { get; }

    internal int Cost { get; }

    internal string Holder { get; }

    /// <summary>Holds on for another <see cref="SharedConcurrencyOptions.HoldDuration"/>; false when the places were given up already.</summary>
    /// <exception cref="ResilienceException">Of kind <see cref="ResilienceFault.StoreAway"/>; may be tried again.</exception>
    public ValueTask<bool> RenewAsync(CancellationToken cancellationToken) => IsAllowed ? _limit.RenewAsync(this, cancellationToken) : new(false);

    public ValueTask DisposeAsync() => IsAllowed && Interlocked.Exchange(ref _isReleased, 1) == 0 ? _limit.ReleaseAsync(this) : default;
}
