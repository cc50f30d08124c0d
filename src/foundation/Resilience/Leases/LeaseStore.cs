using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;
using SkyRiff.Redis;

namespace SkyRiff.Resilience.Leases;

/// <summary>
/// Leases in Redis: at most one holder per name for a limited time. For efficiency (one of many does the work), not for correctness by itself: what must not
/// happen twice carries the <see cref="Lease.Fence"/> to where it is written, and the store there refuses a smaller one.
/// <para>One hash per name holds the owner, the fence and until when, by the server's clock. Fences rise by at least one with every holder and are never below the server's
/// microseconds, so they keep rising even when Redis lost everything.</para>
/// </summary>
public sealed class LeaseStore(RedisClient redis, TimeProvider time, Entropy entropy, ILogger<LeaseStore> logger)
{
    /// <summary>How long a name that nobody holds is remembered with its fence.</summary>
    private static readonly TimeSpan FenceLifetime = TimeSpan.FromDays(7);

    private static readonly TimeSpan DurationMin = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan DurationMax = TimeSpan.FromHours(1);

    // ARGV: owner, duration and lifetime in milliseconds. Answers {fence} or {0, milliseconds until it is free}.
    private static readonly RedisScript Acquire = new("""
        local t = redis.call('TIME')
        local now = tonumber(t[1]) * 1000000 + tonumber(t[2])
        local held = redis.call('HMGET', KEYS[1], 'owner', 'fence', 'until')
        if held[1] and held[1] ~= '' and tonumber(held[3]) > now then
          return {0, math.ceil((tonumber(held[3]) - now) / 1000)}
        end
        local fence = math.max(now, (tonumber(held[2]) or 0) + 1)
        redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'fence', string.format('%d', fence), 'until', string.format('%d', now + tonumber(ARGV[2]) * 1000))
        redis.call('PEXPIRE', KEYS[1], ARGV[3])
        return {fence}
        """);

    // ARGV: owner, duration and lifetime in milliseconds. A lease that ran out but was taken by nobody is held again.
    private static readonly RedisScript Renew = new("""
        if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
        local t = redis.call('TIME')
        redis.call('HSET', KEYS[1], 'until', string.format('%d', tonumber(t[1]) * 1000000 + tonumber(t[2]) + tonumber(ARGV[2]) * 1000))
        redis.call('PEXPIRE', KEYS[1], ARGV[3])
        return 1
        """);

    // ARGV: owner. The fence stays.
    private static readonly RedisScript Release = new("""
        if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
        redis.call('HSET', KEYS[1], 'owner', '', 'until', '0')
        return 1
        """);

    internal MonotonicClock Clock { get; } = new(time);

    internal ILogger Logger => logger;

    /// <summary>The lease if nobody holds it, else null.</summary>
    /// <param name="name">Letters, digits, dots, dashes and underscores.</param>
    /// <param name="duration">How long it lasts without renewal, 50 ms to an hour; it is renewed every third of that by itself.</param>
    /// <param name="cancellationToken">Ends the asking.</param>
    /// <exception cref="ResilienceException">Of kind <see cref="ResilienceFault.StoreAway"/>.</exception>
    public async Task<Lease?> TryAcquireAsync(string name, TimeSpan duration, CancellationToken cancellationToken) => (await AskAsync(name, duration, cancellationToken)).Lease;

    /// <summary>Waits for the lease; asks again when the holder's time is over, at the latest after <paramref name="duration"/>.</summary>
    /// <exception cref="ResilienceException">Of kind <see cref="ResilienceFault.StoreAway"/>.</exception>
    public async Task<Lease> AcquireAsync(string name, TimeSpan duration, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (lease, wait) = await AskAsync(name, duration, cancellationToken);
            if (lease is not null) return lease;
            // A holder that releases early is noticed within a tenth of the duration; jitter keeps those who wait from asking all at once.
            var patience = TimeSpan.FromTicks(Math.Min(wait.Ticks, duration.Ticks / 10)) + TimeSpan.FromMilliseconds(1);
            await Task.Delay(patience * (0.5 + (entropy.NextDouble() / 2)), Clock.Time, cancellationToken);
        }
    }

    internal async ValueTask<bool> RenewAsync(Lease lease, CancellationToken cancellationToken) =>
        await redis.EvaluateIntegerAsync(Renew, [KeyOf(lease.Name)], [lease.Owner, Milliseconds(lease.Duration), Milliseconds(FenceLifetime)], cancellationToken) == 1;

    internal async ValueTask ReleaseAsync(Lease lease)
    {
        try
        {
            await redis.EvaluateIntegerAsync(Release, [KeyOf(lease.Name)], [lease.Owner], CancellationToken.None);
        }
        catch (RedisException failure)
        {
            logger.LogWarning(failure, "Lease {Lease} could not be released; it ends by itself", lease.Name);
        }
    }

    private async ValueTask<(Lease? Lease, TimeSpan Wait)> AskAsync(string name, TimeSpan duration, CancellationToken cancellationToken)
    {
        SharedNames.Check(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(duration, DurationMin);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(duration, DurationMax);
        var owner = entropy.NextSecret(16);
        var asked = Clock.Now;
        try
        {
            using var reply = await redis.EvaluateAsync(Acquire, [KeyOf(name)], [owner, Milliseconds(duration), Milliseconds(FenceLifetime)], cancellationToken);
            var answer = reply.Root.GetEnumerator();
            answer.MoveNext();
            var fence = answer.Current.Integer;
            if (fence > 0) return (new Lease(this, name, owner, fence, duration, asked), TimeSpan.Zero);
            answer.MoveNext();
            return (null, TimeSpan.FromMilliseconds(answer.Current.Integer));
        }
        catch (RedisException failure)
        {
            throw new ResilienceException(ResilienceFault.StoreAway, $"The lease {name} could not be asked for.", failure);
        }
    }

    private static string KeyOf(string name) => "lease:" + name;

    private static long Milliseconds(TimeSpan duration) => (long)duration.TotalMilliseconds;
}
