using SkyRiff.Redis;

namespace SkyRiff.Resilience.Limits;

/// <summary>
/// What has been taken already is written down, whether the limit allows it or not: what is above it is missing later, at most as much as the limit
/// again. The values are those of <see cref="SharedLimitScripts"/>, so both kinds of limiter can count the same keys. All answer {remaining, reset, retry after}
/// in microseconds, the last of which is when one more could be taken.
/// </summary>
internal static class DeferredLimitScripts
{
    /// <summary>ARGV: microseconds per token, capacity, taken.</summary>
    public static RedisScript TokenBucket { get; } = new(SharedLimitScripts.Now + """
        local interval, capacity, taken = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
        local depth = interval * capacity
        local missing = math.max(0, (tonumber(redis.call('GET', KEYS[1])) or now) - now)
        missing = math.min(missing + taken * interval, 2 * depth)
        if missing > 0 then
          redis.call('SET', KEYS[1], string.format('%.3f', now + missing), 'PX', math.ceil(missing / 1000) + 1)
        end
        local remaining = math.max(0, math.floor((depth - missing) / interval + 0.000001))
        local retry = 0
        if remaining < 1 then retry = math.ceil(missing + interval - depth) end
        return {remaining, math.ceil(missing), retry}
        """);

    /// <summary>ARGV: window, limit, taken.</summary>
    public static RedisScript SlidingWindow { get; } = new(SharedLimitScripts.Now + """
        local window, limit, taken = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
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
        current = math.min(current + taken, 2 * limit)
        if current + previous > 0 then
          redis.call('SET', KEYS[1], string.format('%d %d %d', number, previous, current), 'PX', math.ceil((left + window) / 1000) + 1)
        end
        local remaining = math.max(0, limit - math.ceil(previous * left / window) - current)
        local retry = 0
        local function fadedTo(count, room)
          if count <= room then return 0 end
          return math.ceil(window - room * window / count)
        end
        if remaining < 1 then
          local room = limit - current - 1
          if room >= 0 then
            retry = math.max(1, fadedTo(previous, room) - elapsed)
          else
            retry = left + fadedTo(current, limit - 1)
          end
        end
        local reset = 0
        if current > 0 then reset = left + window elseif previous > 0 then reset = left end
        return {remaining, reset, retry}
        """);
}
