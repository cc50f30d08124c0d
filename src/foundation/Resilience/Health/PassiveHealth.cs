using SkyRiff.Resilience.Calls;

namespace SkyRiff.Resilience.Health;

/// <summary>When an endpoint's own calls speak against it.</summary>
public sealed record PassiveHealthOptions
{
    /// <summary>Whether calls are judged at all; default yes.</summary>
    public bool IsEnabled { get; init; } = true;

    /// <summary>Failures in a row that eject; at least 1, default 5.</summary>
    public int FailuresInARow { get; init; } = 5;

    /// <summary>The share of failures in one <see cref="Interval"/> that ejects; above 0, up to 1, default one half.</summary>
    public double FailureShare { get; init; } = 0.5;

    /// <summary>Fewer calls in an interval say nothing about the share; default 20.</summary>
    public int CallsMin { get; init; } = 20;

    /// <summary>Over which the share is counted, and which without an ejection forgives an earlier one; default 10 s.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The first ejection's length; each further one is as much longer. Default 30 s.</summary>
    public TimeSpan EjectionDuration { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest ejection; default 5 min.</summary>
    public TimeSpan EjectionDurationMax { get; init; } = TimeSpan.FromMinutes(5);
}

/// <summary>
/// Outlier detection for one endpoint: it is ejected for a while when its calls fail in a row or too large a share of them does. How many
/// may be ejected at once is the group's decision. Thread-safe.
/// </summary>
public sealed class PassiveHealth
{
    private readonly Lock _lock = new();
    private readonly PassiveHealthOptions _options;
    private readonly long _interval;
    private int _inARow;
    private int _calls;
    private int _failures;
    private long _intervalEnds = long.MinValue;
    private long _forgivenAt = long.MinValue;
    private long _ejectedUntil = long.MinValue;

    internal PassiveHealth(PassiveHealthOptions options)
    {
        if (options.FailuresInARow < 1 || options.CallsMin < 1) throw new ArgumentOutOfRangeException(nameof(options), "FailuresInARow and CallsMin are at least 1.");
        if (options.FailureShare is not (> 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(options), options.FailureShare, "FailureShare is above 0 and at most 1.");
        if (options.Interval <= TimeSpan.Zero || options.EjectionDuration <= TimeSpan.Zero || options.EjectionDurationMax < options.EjectionDuration) throw new ArgumentOutOfRangeException(nameof(options), "Durations are positive, and the longest is the longest.");
        (_options, _interval) = (options, MonotonicClock.Nanoseconds(options.Interval));
    }

    /// <summary>How many ejections are not yet forgiven.</summary>
    public int Ejections { get; private set; }

    public bool IsEjected(long now) => now < Volatile.Read(ref _ejectedUntil);

    /// <summary>When the ejection ends; in the past when there is none.</summary>
    internal long EjectedUntil => Volatile.Read(ref _ejectedUntil);

    /// <summary>Counts a call's end; true when it speaks for an ejection, which the group then grants or not.</summary>
    internal bool Report(Verdict verdict, long now)
    {
        if (!_options.IsEnabled || verdict == Verdict.Abandoned) return false;
        var isFailed = verdict is Verdict.Failed or Verdict.FailedForGood;
        lock (_lock)
        {
            if (now >= _intervalEnds) (_calls, _failures, _intervalEnds) = (0, 0, now + _interval);
            if (Ejections > 0 && now >= _forgivenAt)
            {
                Ejections--;
                _forgivenAt = now + _interval;
            }
            _calls++;
            if (!isFailed)
            {
                _inARow = 0;
                return false;
            }
            _failures++;
            _inARow++;
            return !IsEjected(now) && (_inARow >= _options.FailuresInARow || (_calls >= _options.CallsMin && _failures >= _options.FailureShare * _calls));
        }
    }

    internal void Eject(long now)
    {
        lock (_lock)
        {
            Ejections++;
            var length = Math.Min(MonotonicClock.Nanoseconds(_options.EjectionDuration) * Ejections, MonotonicClock.Nanoseconds(_options.EjectionDurationMax));
            Volatile.Write(ref _ejectedUntil, now + length);
            _forgivenAt = now + length + _interval;
            (_inARow, _calls, _failures) = (0, 0, 0);
        }
    }

    /// <summary>A good probe ends an ejection early.</summary>
    internal void Return()
    {
        lock (_lock) Volatile.Write(ref _ejectedUntil, long.MinValue);
    }
}
