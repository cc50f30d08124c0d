using System.Runtime.InteropServices;

namespace SkyRiff.Resilience.Calls;

/// <summary>When a breaker opens and how it closes again.</summary>
public sealed record CircuitBreakerOptions
{
    /// <summary>How many of the last calls are judged; 1 .. 1,024, default 10.</summary>
    public int WindowCalls { get; init; } = 10;

    /// <summary>Fewer calls than this say nothing; 1 .. <see cref="WindowCalls"/>, default 10.</summary>
    public int CallsMin { get; init; } = 10;

    /// <summary>Opens at this share of failures; above 0, up to 1, default one half.</summary>
    public double FailureShare { get; init; } = 0.5;

    /// <summary>A call that took this long is slow; <see cref="TimeSpan.MaxValue"/>, the default, for never.</summary>
    public TimeSpan SlowDuration { get; init; } = TimeSpan.MaxValue;

    /// <summary>Opens at this share of slow calls, whether they worked or not; above 0, up to 1, default one half.</summary>
    public double SlowShare { get; init; } = 0.5;

    /// <summary>How long nothing is let through; default 30 s.</summary>
    public TimeSpan OpenDuration { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Good probes in a row, one at a time, that close it; 1 .. 100, default 1.</summary>
    public int ProbesToClose { get; init; } = 1;

    /// <summary>A probe that has not reported by then is taken for lost and another may go; default 30 s.</summary>
    public TimeSpan ProbeDurationMax { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>The state of a <see cref="CircuitBreaker"/>.</summary>
public enum BreakerState
{
    /// <summary>Everything goes through and is counted.</summary>
    Closed,

    /// <summary>Nothing goes through.</summary>
    Open,

    /// <summary>One call at a time goes through, to see.</summary>
    HalfOpen,
}

/// <summary>The answer to one call; whoever was let through reports with it exactly once.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct BreakerPermit(bool IsAllowed, bool IsProbe, int Era, TimeSpan RetryAfter);

/// <summary>
/// Stops calling who fails. Judged by the last <see cref="CircuitBreakerOptions.WindowCalls"/> calls: by the share that failed and by the share that was slow.
/// <code>
///              share of failed or slow calls reached            OpenDuration passed
///   [closed] ------------------------------------------> [open] -------------------> [half-open]
///      ^                                                    ^                          |     |
///      |                                                    +--- probe failed or slow -+     |
///      +--------------- ProbesToClose good probes, one at a time ----------------------------+
/// </code>
/// Every change of state begins a new era; a report from an older era is ignored, so a call that began before the breaker opened cannot
/// close it. Thread-safe; a closed breaker lets through without a lock.
/// </summary>
public sealed class CircuitBreaker
{
    private readonly Lock _lock = new();
    private readonly CircuitBreakerOptions _options;
    private readonly long _slow;
    private readonly int _failuresToOpen; // for a full window; a shorter one is compared by share
    private readonly ulong[] _failed;
    private readonly ulong[] _wasSlow;
    private int _next;
    private int _calls;
    private int _failures;
    private int _slows;
    private volatile int _closedEra; // the era while closed, 0 otherwise
    private int _era = 1;
    private BreakerState _state = BreakerState.Closed;
    private long _openUntil;
    private long _probeUntil; // a probe is out until then, or until it reports
    private bool _isProbing;
    private int _goodProbes;

    public CircuitBreaker(CircuitBreakerOptions options)
    {
        var mistake = options switch
        {
            { WindowCalls: < 1 or > 1_024 } => "WindowCalls is 1 to 1,024.",
            { CallsMin: < 1 } => "CallsMin is at least 1.",
            { FailureShare: not (> 0 and <= 1) } => "FailureShare is above 0 and at most 1.",
            { SlowShare: not (> 0 and <= 1) } => "SlowShare is above 0 and at most 1.",
            { ProbesToClose: < 1 or > 100 } => "ProbesToClose is 1 to 100.",
            _ when options.CallsMin > options.WindowCalls => "CallsMin is at most WindowCalls.",
            _ when options.OpenDuration <= TimeSpan.Zero || options.ProbeDurationMax <= TimeSpan.Zero => "Durations are positive.",
            _ => null,
        };
        if (mistake is not null) throw new ArgumentOutOfRangeException(nameof(options), mistake);
        _options = options;
        _slow = MonotonicClock.Nanoseconds(options.SlowDuration);
        _failuresToOpen = Math.Max(1, (int)Math.Ceiling(options.FailureShare * options.CallsMin));
        _failed = new ulong[(options.WindowCalls + 63) / 64];
        _wasSlow = new ulong[_failed.Length];
        _closedEra = _era;
    }

    /// <summary>Raised after a change of state, outside the lock; handlers are short and do not throw.</summary>
    public event Action<BreakerState>? Changed;

    /// <summary>The state at <paramref name="now"/>, without changing it: an open breaker whose time is over answers half-open.</summary>
    public BreakerState StateAt(long now)
    {
        lock (_lock) return _state == BreakerState.Open && now >= _openUntil ? BreakerState.HalfOpen : _state;
    }

    /// <summary>Asks for one call.</summary>
    public BreakerPermit TryEnter(long now)
    {
        var era = _closedEra;
        return era != 0 ? new(true, false, era, TimeSpan.Zero) : TryProbe(now);
    }

    /// <summary>Tells how a permitted call ended; <paramref name="duration"/> in nanoseconds.</summary>
    public void Report(in BreakerPermit permit, Verdict verdict, long duration, long now)
    {
        if (!permit.IsAllowed) return;
        BreakerState changed;
        lock (_lock)
        {
            if (permit.Era != _era) return;
            var before = _state;
            if (verdict == Verdict.Abandoned) _isProbing &= !permit.IsProbe;
            else if (permit.IsProbe) JudgeProbeLocked(verdict is Verdict.Failed or Verdict.FailedForGood || duration >= _slow, now);
            else CountLocked(verdict is Verdict.Failed or Verdict.FailedForGood, duration >= _slow, now);
            if (_state == before) return;
            changed = _state;
        }
        Changed?.Invoke(changed);
    }

    private BreakerPermit TryProbe(long now)
    {
        var changed = false;
        BreakerPermit permit;
        lock (_lock)
        {
            if (_state == BreakerState.Closed) return new(true, false, _era, TimeSpan.Zero);
            if (_state == BreakerState.Open)
            {
                if (now < _openUntil) return new(false, false, _era, MonotonicClock.Duration(_openUntil - now));
                MoveLocked(BreakerState.HalfOpen);
                changed = true;
            }
            if (_isProbing && now < _probeUntil) return new(false, false, _era, MonotonicClock.Duration(_probeUntil - now));
            if (_isProbing) _era++; // the lost probe's report would be mistaken for the new one's
            _isProbing = true;
            _probeUntil = now + MonotonicClock.Nanoseconds(_options.ProbeDurationMax);
            permit = new(true, true, _era, TimeSpan.Zero);
        }
        if (changed) Changed?.Invoke(BreakerState.HalfOpen);
        return permit;
    }

    private void JudgeProbeLocked(bool isBad, long now)
    {
        _isProbing = false;
        if (isBad) OpenLocked(now);
        else if (++_goodProbes >= _options.ProbesToClose) MoveLocked(BreakerState.Closed);
    }

    private void CountLocked(bool isFailed, bool isSlow, long now)
    {
        _failures += Put(_failed, _next, isFailed);
        _slows += Put(_wasSlow, _next, isSlow);
        _next = _next + 1 == _options.WindowCalls ? 0 : _next + 1;
        _calls = Math.Min(_calls + 1, _options.WindowCalls);
        if (_calls < _options.CallsMin || (_failures < _failuresToOpen && _slows == 0)) return;
        if (_failures >= _options.FailureShare * _calls || _slows >= _options.SlowShare * _calls) OpenLocked(now);
    }

    private void OpenLocked(long now)
    {
        _openUntil = now + MonotonicClock.Nanoseconds(_options.OpenDuration);
        MoveLocked(BreakerState.Open);
    }

    private void MoveLocked(BreakerState state)
    {
        _state = state;
        _era++;
        _closedEra = state == BreakerState.Closed ? _era : 0;
        (_calls, _failures, _slows, _next, _goodProbes, _isProbing) = (0, 0, 0, 0, 0, false);
        Array.Clear(_failed);
        Array.Clear(_wasSlow);
    }

    /// <summary>Sets one bit and answers by how much that changed the count of set bits.</summary>
    private static int Put(ulong[] bits, int index, bool value)
    {
        var mask = 1UL << (index & 63);
        ref var word = ref bits[index >> 6];
        var was = (word & mask) != 0;
        word = value ? word | mask : word & ~mask;
        return (value ? 1 : 0) - (was ? 1 : 0);
    }
}
