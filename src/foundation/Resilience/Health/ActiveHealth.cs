using SkyRiff.Kernel;

namespace SkyRiff.Resilience.Health;

/// <summary>How an endpoint is probed.</summary>
public sealed record ActiveHealthOptions
{
    /// <summary>Whether probes are made at all; default not.</summary>
    public bool IsEnabled { get; init; }

    /// <summary>Between probes, give or take a tenth; default 5 s.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Between probes of one that is changing its state or is ill; default 1 s.</summary>
    public TimeSpan IntervalWhenUnsure { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a probe may take; default 1 s. Kept by who makes the probe.</summary>
    public TimeSpan ProbeDurationMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Good probes in a row that make an ill one well; at least 1, default 2.</summary>
    public int Rise { get; init; } = 2;

    /// <summary>Bad probes in a row that make a well one ill; at least 1, default 3.</summary>
    public int Fall { get; init; } = 3;
}

/// <summary>
/// What probes say about one endpoint.
/// <code>
///               Fall bad probes in a row
///   [healthy] ---------------------------> [ill]
///       ^                                    |
///       +------- Rise good probes in a row --+
/// </code>
/// It begins healthy: a process that starts must not refuse everybody until it has probed. The first probe alone decides.
/// </summary>
public sealed class ActiveHealth
{
    private readonly Lock _lock = new();
    private readonly ActiveHealthOptions _options;
    private int _inARow; // results that contradict the state
    private bool _isKnown;
    private long _nextProbeAt = long.MinValue;

    internal ActiveHealth(ActiveHealthOptions options)
    {
        if (options.Rise < 1 || options.Fall < 1) throw new ArgumentOutOfRangeException(nameof(options), "Rise and Fall are at least 1.");
        if (options.Interval <= TimeSpan.Zero || options.IntervalWhenUnsure <= TimeSpan.Zero) throw new ArgumentOutOfRangeException(nameof(options), "Intervals are positive.");
        _options = options;
    }

    public bool IsHealthy { get; private set; } = true;

    /// <summary>Whether it is time for a probe; the one who is told so makes it, and nobody else until the next is due.</summary>
    public bool TryBeginProbe(long now, Entropy entropy)
    {
        if (!_options.IsEnabled) return false;
        lock (_lock)
        {
            if (now < _nextProbeAt) return false;
            var interval = IsHealthy && _inARow == 0 && _isKnown ? _options.Interval : _options.IntervalWhenUnsure;
            _nextProbeAt = now + (long)(MonotonicClock.Nanoseconds(interval) * (0.9 + (0.2 * entropy.NextDouble())));
            return true;
        }
    }

    /// <summary>Takes a probe's result; true when the state changed.</summary>
    internal bool Report(bool isGood)
    {
        lock (_lock)
        {
            if (isGood == IsHealthy)
            {
                (_inARow, _isKnown) = (0, true);
                return false;
            }
            if (++_inARow < (IsHealthy ? _options.Fall : _options.Rise) && _isKnown) return false;
            (IsHealthy, _inARow, _isKnown) = (isGood, 0, true);
            return true;
        }
    }
}
