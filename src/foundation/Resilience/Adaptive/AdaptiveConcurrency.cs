using System.Runtime.InteropServices;
using SkyRiff.Resilience.Calls;

namespace SkyRiff.Resilience.Adaptive;

/// <summary>What is shed first when there is too much; later ones survive longer.</summary>
public enum Priority
{
    /// <summary>Prefetch, analytics: only when there is room to spare.</summary>
    Sheddable,

    /// <summary>Feeds, browsing.</summary>
    Normal,

    /// <summary>What somebody waits for with a purpose.</summary>
    High,

    /// <summary>Money and login: the last to go.</summary>
    Critical,
}

/// <summary>Bounds of an <see cref="AdaptiveConcurrency"/>.</summary>
public sealed record AdaptiveConcurrencyOptions
{
    /// <summary>Default 20.</summary>
    public int LimitStart { get; init; } = 20;

    /// <summary>At least 1; default 4. Below this the limit never falls, or nothing would be measured any more.</summary>
    public int LimitMin { get; init; } = 4;

    /// <summary>Up to a million; default 2,000.</summary>
    public int LimitMax { get; init; } = 2_000;

    /// <summary>How much longer than usual calls may take before the limit falls; 1 .. 5, default 1.5.</summary>
    public double Tolerance { get; init; } = 1.5;

    /// <summary>How far each step goes towards the new limit; above 0, up to 1, default 0.2.</summary>
    public double Smoothing { get; init; } = 0.2;

    /// <summary>A step is made after this long and <see cref="SamplesMin"/> calls; default 100 ms.</summary>
    public TimeSpan WindowDuration { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Calls in a window before it says anything; default 10.</summary>
    public int SamplesMin { get; init; } = 10;

    /// <summary>Windows over which "usual" is averaged; default 600, a minute of full ones.</summary>
    public int LongWindows { get; init; } = 600;

    /// <summary>The share of the limit that each <see cref="Priority"/> may fill, lowest first.</summary>
    public IReadOnlyList<double> Shares { get; init; } = [0.5, 0.8, 0.9, 1.0];
}

/// <summary>Let in or not; whoever is let in leaves with it.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct AdaptivePermit(bool IsAllowed, long EnteredAt);

/// <summary>
/// Finds by itself how many calls at a time a callee can take: when calls take longer than usual, the limit falls in proportion (the gradient), when
/// they do not, it grows by the square root of itself (Netflix concurrency-limits, Gradient2; the idea is TCP Vegas). What exceeds the limit is shed at once,
/// and the less important are shed before the limit is reached. A call that failed from overload shrinks the limit by a tenth, once per window. Thread-safe.
/// </summary>
public sealed class AdaptiveConcurrency
{
    private readonly Lock _lock = new();
    private readonly AdaptiveConcurrencyOptions _options;
    private readonly long _window;
    private readonly double _longFactor;
    private readonly int[] _roomFor = new int[4]; // calls inside at which a priority is shed
    private int _inside;
    private double _limit;
    private double _long; // nanoseconds; 0 before the first window
    private long _windowEnds;
    private double _sum;
    private int _samples;
    private int _insideMax;
    private bool _hasDropped;
    private long _shed;
    private long _shedBefore;

    public AdaptiveConcurrency(AdaptiveConcurrencyOptions options)
    {
        var mistake = options switch
        {
            { LimitMin: < 1 } => "LimitMin is at least 1.",
            { LimitMax: > 1_000_000 } => "LimitMax is at most a million.",
            { Tolerance: not (>= 1 and <= 5) } => "Tolerance is 1 to 5.",
            { Smoothing: not (> 0 and <= 1) } => "Smoothing is above 0 and at most 1.",
            { SamplesMin: < 1 } or { LongWindows: < 2 } => "SamplesMin is at least 1, LongWindows at least 2.",
            _ when options.LimitStart < options.LimitMin || options.LimitStart > options.LimitMax => "LimitMin <= LimitStart <= LimitMax.",
            _ when options.Shares.Count != 4 || options.Shares.Any(share => share is not (> 0 and <= 1)) || !options.Shares.SequenceEqual(options.Shares.Order()) => "Shares are four rising numbers above 0, up to 1.",
            _ => null,
        };
        if (mistake is not null) throw new ArgumentOutOfRangeException(nameof(options), mistake);
        _options = options;
        _window = MonotonicClock.Nanoseconds(options.WindowDuration);
        _longFactor = 2.0 / (options.LongWindows + 1);
        SetLimitLocked(options.LimitStart);
    }

    /// <summary>Calls that may be inside now.</summary>
    public int Limit
    {
        get
        {
            lock (_lock) return (int)_limit;
        }
    }

    /// <summary>Calls inside.</summary>
    public int Inside => Volatile.Read(ref _inside);

    /// <summary>Calls that were not let in, ever.</summary>
    public long Shed => Volatile.Read(ref _shed);

    /// <summary>Asks for one call; allocates nothing and takes no lock.</summary>
    public AdaptivePermit TryEnter(Priority priority, long now)
    {
        var room = Volatile.Read(ref _roomFor[(int)priority]);
        var inside = Volatile.Read(ref _inside);
        while (inside < room)
        {
            var seen = Interlocked.CompareExchange(ref _inside, inside + 1, inside);
            if (seen == inside) return new(true, now);
            inside = seen;
        }
        Interlocked.Increment(ref _shed);
        return default;
    }

    /// <summary>
    /// The call ended. <see cref="Verdict.Failed"/> means overload here (a time limit, a 503); a refusal or an abandoned call is not measured.
    /// </summary>
    public void Leave(in AdaptivePermit permit, Verdict verdict, long now)
    {
        if (!permit.IsAllowed) return;
        var inside = Interlocked.Decrement(ref _inside) + 1;
        if (verdict is Verdict.Abandoned or Verdict.Refused) return;
        lock (_lock)
        {
            _insideMax = Math.Max(_insideMax, inside);
            if (verdict == Verdict.Succeeded)
            {
                _sum += Math.Max(1, now - permit.EnteredAt);
                _samples++;
            }
            else
            {
                _hasDropped = true;
            }
            if (_windowEnds == 0) _windowEnds = now + _window;
            if (now >= _windowEnds && (_samples >= _options.SamplesMin || _hasDropped)) StepLocked(now);
        }
    }

    private void StepLocked(long now)
    {
        var limit = _limit;
        if (_samples >= _options.SamplesMin)
        {
            var current = _sum / _samples;
            var shed = Volatile.Read(ref _shed);
            // Under overload everything is slow: "usual" is then learned ten times slower, or the limit would creep up for as long as it lasts.
            var factor = shed != _shedBefore && current > _long ? _longFactor / 10 : _longFactor;
            _long = _long == 0 ? current : _long + ((current - _long) * factor);
            _shedBefore = shed;
            if (_long > 2 * current) _long *= 0.95; // after a long overload "usual" is far too slow: find back sooner
            // A limit that nobody reaches says nothing about the callee; growing it would only let the next wave in.
            if (_insideMax >= limit / 2)
            {
                var gradient = Math.Clamp(_options.Tolerance * _long / current, 0.5, 1.0);
                var target = (limit * gradient) + Math.Sqrt(limit);
                limit += (target - limit) * _options.Smoothing;
            }
        }
        if (_hasDropped) limit = Math.Min(limit, _limit * 0.9);
        SetLimitLocked(limit);
        (_sum, _samples, _insideMax, _hasDropped, _windowEnds) = (0, 0, 0, false, now + _window);
    }

    private void SetLimitLocked(double limit)
    {
        _limit = Math.Clamp(limit, _options.LimitMin, _options.LimitMax);
        for (var priority = 0; priority < _roomFor.Length; priority++)
        {
            Volatile.Write(ref _roomFor[priority], Math.Max(1, (int)(_limit * _options.Shares[priority])));
        }
    }
}
