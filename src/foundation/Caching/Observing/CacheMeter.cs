using System.Diagnostics.Metrics;
using SkyRiff.Caching.Local;

namespace SkyRiff.Caching.Observing;

/// <summary>
/// What families do, as instruments of the meter <c>SkyRiff.Caching</c>: counters that are read when a listener asks, and the loads' durations.
/// </summary>
internal sealed class CacheMeter : IDisposable
{
    private readonly Meter _meter = new("SkyRiff.Caching");
    private readonly Histogram<double> _loads;
    private Func<IReadOnlyList<CacheFamilyStatistics>> _families = static () => [];

    public CacheMeter(LocalTier tier)
    {
        _loads = _meter.CreateHistogram<double>("cache.load.duration", "s", "Calls of the source.");
        _meter.CreateObservableCounter("cache.hits", () => Of(("tier", "local", family => family.LocalHits), ("tier", "redis", family => family.RedisHits)), "{request}", "Requests that a tier answered.");
        _meter.CreateObservableCounter("cache.misses", () => Of(family => family.Misses), "{request}", "Requests that the local tier could not answer.");
        _meter.CreateObservableCounter("cache.negative_hits", () => Of(family => family.NegativeHits), "{request}", "Hits that knew that there is nothing.");
        _meter.CreateObservableCounter("cache.membership_refusals", () => Of(family => family.MembershipRefusals), "{request}", "Requests for keys that cannot exist.");
        _meter.CreateObservableCounter("cache.loads", () => Of(("outcome", "answered", family => family.Loads - family.LoadFailures), ("outcome", "failed", family => family.LoadFailures)), "{load}", "Calls of the source.");
        _meter.CreateObservableCounter("cache.load.keys", () => Of(family => family.LoadedKeys), "{key}", "Keys in these calls.");
        _meter.CreateObservableCounter("cache.renewals", () => Of(family => family.Renewals), "{load}", "Renewals in the background.");
        _meter.CreateObservableCounter("cache.stale_served", () => Of(family => family.StaleServed), "{request}", "Look-ups answered by a stale value because the source failed.");
        _meter.CreateObservableCounter("cache.rejected", () => Of(("reason", "loads", family => family.LoadsRefused), ("reason", "fenced", family => family.Fenced), ("reason", "oversize", family => family.Oversize), ("reason", "damaged", family => family.Damaged), ("reason", "version", family => family.UnknownVersion)), "{item}", "Loads, stores and payloads that were refused.");
        _meter.CreateObservableCounter("cache.redis.bytes", () => Of(("direction", "read", family => family.BytesRead), ("direction", "written", family => family.BytesWritten)), "By", "Bytes of values from and to Redis.");
        _meter.CreateObservableGauge("cache.local.entries", () => Of(family => family.LocalEntries), "{entry}", "Entries in memory.");
        _meter.CreateObservableGauge("cache.local.bytes", () => tier.Bytes, "By", "Estimated bytes of all entries in memory.");
    }

    /// <summary>Where the counters are.</summary>
    public void Observe(Func<IReadOnlyList<CacheFamilyStatistics>> families) => _families = families;

    public void LoadTook(string family, TimeSpan duration) => _loads.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("family", family));

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<long>> Of(Func<CacheFamilyStatistics, long> value) => _families().Select(family => new Measurement<long>(value(family), Name(family)));

    private IEnumerable<Measurement<long>> Of(params (string Label, string Of, Func<CacheFamilyStatistics, long> Value)[] values) =>
        _families().SelectMany(family => values.Select(value => new Measurement<long>(value.Value(family), Name(family), new KeyValuePair<string, object?>(value.Label, value.Of))));

    private static KeyValuePair<string, object?> Name(CacheFamilyStatistics family) => new("family", family.Name);
}
