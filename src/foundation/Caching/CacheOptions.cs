namespace SkyRiff.Caching;

/// <summary>What all families of a process share, and every bound. <see cref="Validate"/> tells all mistakes at once.</summary>
public sealed class CacheOptions
{
    /// <summary>Bytes of all local entries together, estimated (see <see cref="CacheFamilyOptions{TKey, TValue}.Weigh"/>); above it the least useful leave. At least 1 MiB.</summary>
    public long LocalBytesMax { get; init; } = 64 * 1024 * 1024;

    /// <summary>The beginning of every key in Redis; processes that share values share it. 1 to 32 letters, digits, dashes.</summary>
    public string Prefix { get; init; } = "cache";

    /// <summary>
    /// How long an entry is believed while invalidations cannot be heard (no connection to Redis, or none yet). Together with the client's
    /// <see cref="Redis.RedisOptions.HeartbeatPeriod"/> it bounds how long an old value can be served; 10 ms to a minute.
    /// </summary>
    public TimeSpan DetachedLifetime { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>For one round trip to Redis; what takes longer is done without it. 5 ms to 10 s.</summary>
    public TimeSpan RedisTimeLimit { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>After this many failures in a row Redis is left alone; 1 to 1,000.</summary>
    public int RedisFailuresMax { get; init; } = 3;

    /// <summary>For how long it is left alone; then one call tries. 10 ms to a minute.</summary>
    public TimeSpan RedisPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Invalidations that are kept for Redis while it is away; when there are more, all families are cleared once it is back. 0 to 1,000,000.
    /// </summary>
    public int OwedInvalidationsMax { get; init; } = 10_000;

    /// <summary>Every mistake, in words; empty when the options can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        var mistakes = new List<string>();
        Demand(LocalBytesMax is >= 1024 * 1024 and <= 1L << 40, $"{nameof(LocalBytesMax)} is 1 MiB to 1 TiB.");
        Demand(Prefix.Length is >= 1 and <= 32 && Prefix.All(c => char.IsAsciiLetterOrDigit(c) || c == '-'), $"{nameof(Prefix)} is 1 to 32 letters, digits, dashes.");
        Demand(DetachedLifetime >= TimeSpan.FromMilliseconds(10) && DetachedLifetime <= TimeSpan.FromMinutes(1), $"{nameof(DetachedLifetime)} is 10 ms to a minute.");
        Demand(RedisTimeLimit >= TimeSpan.FromMilliseconds(5) && RedisTimeLimit <= TimeSpan.FromSeconds(10), $"{nameof(RedisTimeLimit)} is 5 ms to 10 s.");
        Demand(RedisFailuresMax is >= 1 and <= 1000, $"{nameof(RedisFailuresMax)} is 1 to 1,000.");
        Demand(RedisPause >= TimeSpan.FromMilliseconds(10) && RedisPause <= TimeSpan.FromMinutes(1), $"{nameof(RedisPause)} is 10 ms to a minute.");
        Demand(OwedInvalidationsMax is >= 0 and <= 1_000_000, $"{nameof(OwedInvalidationsMax)} is 0 to 1,000,000.");
        return mistakes;

        void Demand(bool holds, string otherwise)
        {
            if (!holds)
                mistakes.Add(otherwise);
        }
    }
}
