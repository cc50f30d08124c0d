namespace SkyRiff.Redis.Connections;

/// <summary>One timer for all time limits of a client: it looks over what is in flight now and then, and sleeps when nothing is.</summary>
internal sealed class DeadlineSweeper : IAsyncDisposable
{
    private static readonly TimeSpan PeriodMin = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan PeriodMax = TimeSpan.FromMilliseconds(250);

    /// <summary>Sweeps without any work before the timer stops.</summary>
    private const int IdleSweepsMax = 8;

    private readonly ITimer _timer;
    private readonly TimeProvider _time;
    private readonly Func<long, bool> _sweep;
    private TimeSpan _period;
    private int _armed;
    private int _idleSweeps;

    /// <summary><paramref name="sweep"/> looks over everything as of a timestamp and answers whether there was any work.</summary>
    public DeadlineSweeper(TimeSpan shortestLimit, TimeProvider time, Func<long, bool> sweep)
    {
        (_time, _sweep, _period) = (time, sweep, PeriodFor(shortestLimit));
        _timer = time.CreateTimer(static self => ((DeadlineSweeper)self!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Work was added; cheap when the timer runs already.</summary>
    public void Wake()
    {
        if (Volatile.Read(ref _armed) == 0 && Interlocked.Exchange(ref _armed, 1) == 0)
            _timer.Change(_period, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Some commands have a shorter limit than others.</summary>
    public void Serve(TimeSpan limit)
    {
        if (PeriodFor(limit) < _period)
            _period = PeriodFor(limit);
    }

    public ValueTask DisposeAsync() => _timer.DisposeAsync();

    private static TimeSpan PeriodFor(TimeSpan limit) => TimeSpan.FromTicks(Math.Clamp(limit.Ticks / 10, PeriodMin.Ticks, PeriodMax.Ticks));

    private void Tick()
    {
        _idleSweeps = _sweep(_time.GetTimestamp()) ? 0 : _idleSweeps + 1;
        if (_idleSweeps < IdleSweepsMax)
        {
            _timer.Change(_period, Timeout.InfiniteTimeSpan);
            return;
        }

        _idleSweeps = 0;
        Volatile.Write(ref _armed, 0);
        if (_sweep(_time.GetTimestamp()))
            Wake(); // came in while the timer was put to sleep
    }
}
