using System.Globalization;

namespace SkyRiff.Caching;

/// <summary>
/// What a family of keys is: where its values come from, how long they are good, and every bound. Processes that share Redis must have the same.
/// <see cref="Validate"/> tells all mistakes at once.
/// </summary>
public sealed class CacheFamilyOptions<TKey, TValue>
    where TKey : notnull
    where TValue : class
{
    private static readonly TimeSpan LifetimeMax = TimeSpan.FromDays(30);

    /// <summary>Unique in its cache; 1 to 48 lower-case letters, digits, dashes. In every Redis key and every metric.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// Reads many values from the source in one go; a key that is missing from the answer does not exist. The keys are distinct, at most <see cref="KeysPerLoadMax"/>.
    /// The token ends when nobody waits any more. See <see cref="CacheLoad.Each"/> for a source that knows one at a time.
    /// </summary>
    public required Func<IReadOnlyList<TKey>, CancellationToken, Task<IReadOnlyDictionary<TKey, TValue>>> Load { get; init; }

    /// <summary>How a value becomes bytes.</summary>
    public required ICachePayload<TValue> Payload { get; init; }

    /// <summary>Writes one value to the source; needed by <see cref="CacheFamily{TKey, TValue}.SetAsync"/> only.</summary>
    public Func<TKey, TValue, CancellationToken, Task>? Write { get; init; }

    /// <summary>The key as text, the same in every process and different for different keys. Default: as the invariant culture writes it.</summary>
    public Func<TKey, string> KeyText { get; init; } = static key => Convert.ToString(key, CultureInfo.InvariantCulture) ?? "";

    /// <summary>How long a value is fresh; 100 ms to 30 days.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long it is remembered that a key does not exist; zero: not at all. At most <see cref="Lifetime"/>'s range.</summary>
    public TimeSpan NegativeLifetime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Lifetimes are shortened by a random share up to this, so that what was stored together does not end together; 0 to 0.5.</summary>
    public double Jitter { get; init; } = 0.1;

    /// <summary>
    /// The last share of a lifetime in which one caller renews the value in the background while all are still served; every process draws its moment in
    /// it. 0 (never early) to 0.9.
    /// </summary>
    public double EarlyRefresh { get; init; } = 0.2;

    /// <summary>
    /// For how long after its freshness a value may still be served when the source fails. Never a value that was or may have been invalidated. Zero: not at
    /// all; at most 30 days.
    /// </summary>
    public TimeSpan StaleIfErrorMax { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a stale value is served, or a failed renewal rests, before the source is asked again; 10 ms to a minute.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Loading is so costly that one process of the cluster does it and the others wait for its value, up to <see cref="ClusterWaitMax"/>. Costs two round trips
    /// to Redis per load.
    /// </summary>
    public bool IsExpensive { get; init; }

    /// <summary>How long another process's load is waited for before this one loads itself; at most <see cref="LoadDurationMax"/>.</summary>
    public TimeSpan ClusterWaitMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>For one call of <see cref="Load"/>; what comes later is not stored, and its callers get <see cref="CacheFault.LoadTimedOut"/>. 10 ms to 5 minutes.</summary>
    public TimeSpan LoadDurationMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Calls of <see cref="Load"/> at a time; 1 to 10,000.</summary>
    public int LoadsMax { get; init; } = 16;

    /// <summary>Loads that wait for their turn; above it they are refused as <see cref="CacheFault.LoadsRefused"/>.</summary>
    public int LoadsWaitingMax { get; init; } = 1_000;

    /// <summary>Keys per call of <see cref="Load"/>; more are loaded in several calls, one after another. 1 to 100,000.</summary>
    public int KeysPerLoadMax { get; init; } = 1_000;

    /// <summary>A larger payload is not stored in Redis; 1 to 256,000.</summary>
    public int RedisBytesMax { get; init; } = 128 * 1024;

    /// <summary>Tags of a value, by which it can be invalidated with others; short texts. Null for a key that does not exist. Must depend on key and value alone.</summary>
    public Func<TKey, TValue?, IReadOnlyList<string>>? Tags { get; init; }

    /// <summary>Bytes of a value in memory. Default: twice its payload.</summary>
    public Func<TValue, int>? Weigh { get; init; }

    /// <summary>Knows which keys can exist; null: all can.</summary>
    public IMembership<TKey>? Membership { get; init; }

    /// <summary>Every mistake, in words; empty when the options can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        var mistakes = new List<string>();
        Demand(Name.Length is >= 1 and <= 48 && Name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'), "Name is 1 to 48 lower-case letters, digits, dashes.");
        Demand(Lifetime >= TimeSpan.FromMilliseconds(100) && Lifetime <= LifetimeMax, $"{nameof(Lifetime)} is 100 ms to 30 days.");
        Demand(NegativeLifetime >= TimeSpan.Zero && NegativeLifetime <= LifetimeMax, $"{nameof(NegativeLifetime)} is zero to 30 days.");
        Demand(Jitter is >= 0 and <= 0.5, $"{nameof(Jitter)} is 0 to 0.5.");
        Demand(EarlyRefresh is >= 0 and <= 0.9, $"{nameof(EarlyRefresh)} is 0 to 0.9.");
        Demand(StaleIfErrorMax >= TimeSpan.Zero && StaleIfErrorMax <= LifetimeMax, $"{nameof(StaleIfErrorMax)} is zero to 30 days.");
        Demand(RetryPause >= TimeSpan.FromMilliseconds(10) && RetryPause <= TimeSpan.FromMinutes(1), $"{nameof(RetryPause)} is 10 ms to a minute.");
        Demand(LoadDurationMax >= TimeSpan.FromMilliseconds(10) && LoadDurationMax <= TimeSpan.FromMinutes(5), $"{nameof(LoadDurationMax)} is 10 ms to 5 minutes.");
        Demand(ClusterWaitMax >= TimeSpan.Zero && (!IsExpensive || ClusterWaitMax <= LoadDurationMax), $"{nameof(ClusterWaitMax)} is at most {nameof(LoadDurationMax)}.");
        Demand(LoadsMax is >= 1 and <= 10_000, $"{nameof(LoadsMax)} is 1 to 10,000.");
        Demand(LoadsWaitingMax is >= 0 and <= 1_000_000, $"{nameof(LoadsWaitingMax)} is 0 to 1,000,000.");
        Demand(KeysPerLoadMax is >= 1 and <= 100_000, $"{nameof(KeysPerLoadMax)} is 1 to 100,000.");
        Demand(RedisBytesMax is >= 1 and <= 256_000, $"{nameof(RedisBytesMax)} is 1 to 256,000.");
        return mistakes;

        void Demand(bool holds, string otherwise)
        {
            if (!holds)
                mistakes.Add(otherwise);
        }
    }
}
