using System.Collections.Concurrent;
using SkyRiff.Videos.Providers;

namespace SkyRiff.Videos.Generating;

/// <summary>
/// How long generations take, learned from those that this process saw: an exponentially weighted mean, per model, of the working time per second of
/// clip. Shown as an estimate and used for nothing else.
/// </summary>
internal sealed class WaitEstimate(ModelCatalog catalog)
{
    private const double NewWeight = 0.2;
    private const double WorkPerClipSecondAtFirst = 3;

    private readonly ConcurrentDictionary<string, double> _perClipSecond = new();

    public void Learn(string model, int clipSeconds, TimeSpan took)
    {
        var rate = took.TotalSeconds / Math.Max(1, clipSeconds);
        _perClipSecond.AddOrUpdate(model, rate, (_, mean) => mean + (NewWeight * (rate - mean)));
    }

    public int SecondsLeft(GenerationRow row, int ahead)
    {
        var whole = _perClipSecond.GetValueOrDefault(row.Model, WorkPerClipSecondAtFirst) * row.Seconds;
        var abreast = Math.Max(1, catalog.ProviderOf(row.Provider)?.ConcurrencyMax ?? 1);
        return (int)Math.Ceiling((whole * (1 - Math.Clamp(row.Progress, 0, 1))) + (whole * (ahead / abreast)));
    }
}
