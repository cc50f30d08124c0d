namespace SkyRiff.Caching;

/// <summary>What a family did since its beginning, in this process. Hits of the local tier are counted without locks and may be a little too few.</summary>
public sealed record CacheFamilyStatistics
{
    /// <summary>The family.</summary>
    public required string Name { get; init; }

    /// <summary>Entries in the local tier now, of which some may be dead or distrusted.</summary>
    public required int LocalEntries { get; init; }

    /// <summary>Answered from this process's memory, negative entries included.</summary>
    public required long LocalHits { get; init; }

    /// <summary>Answered from Redis, negative entries included; several callers of one look-up count once.</summary>
    public required long RedisHits { get; init; }

    /// <summary>Callers whom the local tier could not answer.</summary>
    public required long Misses { get; init; }

    /// <summary>Hits of both tiers that knew that there is nothing.</summary>
    public required long NegativeHits { get; init; }

    /// <summary>Answered as absent by <see cref="IMembership{TKey}"/>.</summary>
    public required long MembershipRefusals { get; init; }

    /// <summary>Calls of the loader.</summary>
    public required long Loads { get; init; }

    /// <summary>Keys in these calls.</summary>
    public required long LoadedKeys { get; init; }

    /// <summary>Calls of the loader that threw or took too long.</summary>
    public required long LoadFailures { get; init; }

    /// <summary>Time in the loader, summed.</summary>
    public required TimeSpan LoadTime { get; init; }

    /// <summary>Renewals in the background, begun.</summary>
    public required long Renewals { get; init; }

    /// <summary>Look-ups that a value past its freshness answered because the source failed.</summary>
    public required long StaleServed { get; init; }

    /// <summary>Loads that were refused because too many ran and waited.</summary>
    public required long LoadsRefused { get; init; }

    /// <summary>Loaded values that were not stored in Redis, because their key was written or invalidated meanwhile.</summary>
    public required long Fenced { get; init; }

    /// <summary>Payloads from Redis that were not whole.</summary>
    public required long Damaged { get; init; }

    /// <summary>Payloads from Redis of a version that this program does not know.</summary>
    public required long UnknownVersion { get; init; }

    /// <summary>Values that were too large for Redis.</summary>
    public required long Oversize { get; init; }

    /// <summary>Pauses in which another process's load was waited for.</summary>
    public required long ClusterWaits { get; init; }

    /// <summary>Bytes of values read from Redis.</summary>
    public required long BytesRead { get; init; }

    /// <summary>Bytes of values written to Redis.</summary>
    public required long BytesWritten { get; init; }

    /// <summary>Share of local and Redis hits in all requests.</summary>
    public double HitRatio => LocalHits + Misses == 0 ? 0 : (double)(LocalHits + RedisHits) / (LocalHits + Misses);
}

/// <summary>A key that is asked for often: between <paramref name="Count"/> minus <paramref name="Error"/> and <paramref name="Count"/> times, lately and estimated from samples.</summary>
public sealed record HotKey<TKey>(TKey Key, long Count, long Error);
