using SkyRiff.Redis;

namespace SkyRiff.Resilience.Limits;

/// <summary>
/// The rules as they run in Redis: one key, one round trip, the server's clock, and every write carries a lifetime. Times are microseconds since
/// 2023-11-14 (1,700,000,000), so that a double keeps fractions of one. All answer {allowed, remaining, reset, retry after (-1: never), the server's time}.
/// </summary>
internal static class SharedLimitScripts
{
    /// <summary>Begins every script: both kinds of limiter must count from the same moment.</summary>
    internal const string Now = """
        local t = redis.call('TIME')
        local now = (tonumber(t[1]) - 1700000000) * 1000000 + tonumber(t[2])

        """;

    /// <summary>ARGV: microseconds per token, capacity, cost (negative gives back). The value is when the bucket will be full.</summary>
    public static RedisScript TokenBucket { get; } = new(Now + """
        local interval, capacity, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
        local missing = math.max(0, (tonumber(redis.call('GET', KEYS[1])) or now) - now)
        local depth = interval * capacity
        local wanted = math.max(0, missing + cost * interval)
        local allowed, retry = 1, 0
        if cost > capacity then
          allowed, retry = 0, -1
        elseif wanted > depth then
          allowed, retry = 0, math.ceil(wanted - depth)
        elseif cost ~= 0 then
          missing = wanted
          if missing > 0 then
            redis.call('SET', KEYS[1], string.format('%.3f', now + missing), 'PX', math.ceil(missing / 1000) + 1)
          else
            redis.call('DEL', KEYS[1])
          end
        end
        return {allowed, math.max(0, math.floor((depth - missing) / interval + 0.000001)), math.ceil(missing), retry, now}
        """);

    /// <summary>ARGV: window, limit, cost (negative gives back). The value is the window's number, the count of the one before and its own.</summary>
    public static RedisScript SlidingWindow { get; } = new(Now + """
        local window, limit, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
        local number = math.floor(now / window)
        local previous, current = 0, 0
        local n, p, c = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+) (%d+)$')
        if n then
          n = tonumber(n)
          if n >= number then
            number, previous, current = n, tonumber(p), tonumber(c)
          elseif n == number - 1 then
            previous = tonumber(c)
          end
        end
        local elapsed = math.max(0, now - number * window)
        local left = window - elapsed
        local used = math.ceil(previous * left / window) + current
        local function fadedTo(count, room)
          if count <= room then return 0 end
          return math.ceil(window - room * window / count)
        end
        local allowed, retry = 1, 0
        if cost > limit then
          allowed, retry = 0, -1
        elseif cost > 0 and used + cost > limit then
          allowed = 0
          local room = limit - current - cost
          if room >= 0 then
            retry = math.max(1, fadedTo(previous, room) - elapsed)
          else
            retry = left + fadedTo(current, limit - cost)
          end
        elseif cost ~= 0 then
          local back = math.max(0, -cost - current)
          current = math.max(0, current + cost)
          previous = math.max(0, previous - back)
          used = math.ceil(previous * left / window) + current
          redis.call('SET', KEYS[1], string.format('%d %d %d', number, previous, current), 'PX', math.ceil((left + window) / 1000) + 1)
        end
        local reset = 0
        if current > 0 then reset = left + window elseif previous > 0 then reset = left end
        return {allowed, math.max(0, limit - used), reset, retry, now}
        """);

    /// <summary>ARGV: window, limit, cost (negative gives back the newest). A sorted set with one member per unit taken, by time.</summary>
    public static RedisScript ExactSlidingWindow { get; } = new(Now + """
        local window, limit, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now - window))
        local used = redis.call('ZCARD', KEYS[1])
        local allowed, retry = 1, 0
        if cost > limit then
          allowed, retry = 0, -1
        elseif used + cost > limit then
          allowed = 0
          local last = redis.call('ZRANGE', KEYS[1], used + cost - limit - 1, used + cost - limit - 1, 'WITHSCORES')
          retry = math.max(1, tonumber(last[2]) + window - now)
        elseif cost > 0 then
          -- A clock that was set back must not put the new ones before the old.
          local at = math.max(now, tonumber((redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES'))[2] or now))
          for unit = 1, cost do
            redis.call('ZADD', KEYS[1], string.format('%d', at), string.format('%d:%d', at, used + unit))
          end
          used = used + cost
          redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000) + 1)
        elseif cost < 0 then
          redis.call('ZPOPMAX', KEYS[1], -cost)
          used = math.max(0, used + cost)
        end
        local reset = 0
        if used > 0 then
          reset = math.max(0, tonumber((redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES'))[2]) + window - now)
        end
        return {allowed, limit - used, reset, retry, now}
        """);

    /// <summary>ARGV: limit, cost, the holder, how long it holds. A sorted set with one member per unit held, by when it is given up.</summary>
    public static RedisScript Hold { get; } = new(Now + """
        local limit, cost, duration = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now))
        local held = redis.call('ZCARD', KEYS[1])
        if held + cost > limit then
          return {0, math.max(0, limit - held), 0, cost > limit and -1 or 1000000, now}
        end
        for unit = 1, cost do
          redis.call('ZADD', KEYS[1], string.format('%d', now + duration), ARGV[3] .. ':' .. unit)
        end
        local rest = math.max(redis.call('PTTL', KEYS[1]), math.ceil(duration / 1000) + 1)
        redis.call('PEXPIRE', KEYS[1], rest)
        return {1, limit - held - cost, 0, 0, now}
        """);

    /// <summary>ARGV: cost, the holder, how much longer it holds. Answers 1, or 0 when any of it was given up already.</summary>
    public static RedisScript Renew { get; } = new(Now + """
        local cost, duration = tonumber(ARGV[1]), tonumber(ARGV[3])
        for unit = 1, cost do
          local until_ = redis.call('ZSCORE', KEYS[1], ARGV[2] .. ':' .. unit)
          if not until_ or tonumber(until_) <= now then return 0 end
        end
        for unit = 1, cost do
          redis.call('ZADD', KEYS[1], 'XX', string.format('%d', now + duration), ARGV[2] .. ':' .. unit)
        end
        redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), math.ceil(duration / 1000) + 1))
        return 1
        """);

    /// <summary>ARGV: cost, the holder.</summary>
    public static RedisScript Release { get; } = new("""
        local released = 0
        for unit = 1, tonumber(ARGV[1]) do
          released = released + redis.call('ZREM', KEYS[1], ARGV[2] .. ':' .. unit)
        end
        return released
        """);
}
