namespace SkyRiff.Caching.Local;

/// <summary>
/// Finds by trial which share of the tier newcomers get: after each sample it goes on in the direction that helped and turns back when the hit rate
/// fell, in ever smaller steps, and starts over when the workload changed (hill climbing; Einziger, Eytan, Friedman and Manes, 2018). Pure.
/// </summary>
internal sealed class WindowClimber
{
    private const double InitialShare = 0.01;
    private const double ShareMin = 0.005;
    private const double ShareMax = 0.8;
    private const double InitialStep = 0.0625;
    private const double StepDecay = 0.98;

    /// <summary>A change of the hit rate by this much means another workload.</summary>
    private const double RestartAt = 0.05;

    private double _lastHitRate = -1;
    private double _step = InitialStep;

    /// <summary>The window's share of the whole.</summary>
    public double Share { get; private set; } = InitialShare;

    public void OnSample(long hits, long requests)
    {
        if (requests <= 0)
            return;

        var hitRate = (double)hits / requests;
        if (_lastHitRate < 0)
        {
            _lastHitRate = hitRate;
            return;
        }

        var change = hitRate - _lastHitRate;
        _lastHitRate = hitRate;
        var direction = change >= 0 ? Math.Sign(_step) : -Math.Sign(_step);
        var size = Math.Abs(change) >= RestartAt ? InitialStep : Math.Abs(_step) * StepDecay;
        _step = direction * size;
        Share = Math.Clamp(Share + _step, ShareMin, ShareMax);
    }
}
