using SkyRiff.Resilience.Calls;
using SkyRiff.Resilience.Hashing;
using SkyRiff.Resilience.Health;

namespace SkyRiff.Resilience.Balancing;

/// <summary>
/// One of several callees that do the same work, with what is known about it: calls in flight, latency, health. Belongs to one
/// <see cref="EndpointGroup"/>, which keeps it across reconfigurations as long as its id stays. Thread-safe.
/// </summary>
public sealed class Endpoint
{
    /// <summary>A new endpoint begins with this share of its weight and rises to all of it; see <see cref="EndpointGroupOptions.SlowStartDuration"/>.</summary>
    private const double SlowStartShare = 0.1;

    private readonly PeakEwma _latency;
    private readonly long _slowStart;
    private int _inFlight;
    private int _weight;
    private long _availableSince;

    internal Endpoint(string id, int weight, EndpointGroupOptions options, long now)
    {
        Id = id;
        Hash = SipHash.Stable.Hash(System.Text.Encoding.UTF8.GetBytes(id));
        _weight = weight;
        _latency = new PeakEwma(options.LatencyDecay);
        _slowStart = MonotonicClock.Nanoseconds(options.SlowStartDuration);
        _availableSince = now;
        Probes = new ActiveHealth(options.ActiveHealth);
        Outliers = new PassiveHealth(options.PassiveHealth);
    }

    /// <summary>What the owner knows it by, such as its address.</summary>
    public string Id { get; }

    /// <summary>The same in every process and run.</summary>
    public ulong Hash { get; }

    /// <summary>Its share compared with the others'; 1 .. 1,000.</summary>
    public int Weight => Volatile.Read(ref _weight);

    /// <summary>Calls that have begun and not ended.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>No new calls go there; it is done when <see cref="InFlight"/> is zero.</summary>
    public bool IsDraining { get; internal set; }

    /// <summary>What probes say.</summary>
    public ActiveHealth Probes { get; }

    /// <summary>What its calls say.</summary>
    public PassiveHealth Outliers { get; }

    /// <summary>The turn of smooth weighted round robin; needs that balancer's lock.</summary>
    internal double Turn { get; set; }

    /// <summary>The weight, less while it has just become available.</summary>
    public double EffectiveWeight(long now)
    {
        var age = now - Volatile.Read(ref _availableSince);
        return age >= _slowStart ? Weight : Weight * Math.Max(SlowStartShare, (double)age / _slowStart);
    }

    /// <summary>The latency in nanoseconds: rises at once with a slow call, falls slowly; zero when nothing is known.</summary>
    public double Latency(long now) => _latency.Value(now);

    /// <summary>What the least loaded is told by: calls per weight, the one that is being placed included.</summary>
    internal double Load(long now) => (InFlight + 1) / EffectiveWeight(now);

    internal void Reweigh(int weight) => Volatile.Write(ref _weight, weight);

    internal void BecomeAvailable(long now) => Volatile.Write(ref _availableSince, now);

    internal void Begin() => Interlocked.Increment(ref _inFlight);

    internal void End(Verdict verdict, long duration, long now)
    {
        Interlocked.Decrement(ref _inFlight);
        switch (verdict)
        {
            case Verdict.Abandoned:
                break;
            case Verdict.Succeeded or Verdict.Refused:
                _latency.Observe(duration, now);
                break;
            default:
                // Who fails fast must not look like who is fast.
                _latency.Observe(Math.Max(duration, MonotonicClock.NanosecondsPerSecond), now);
                break;
        }
    }
}
