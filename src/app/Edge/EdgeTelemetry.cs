using System.Diagnostics.Metrics;

namespace SkyRiff.App.Edge;

/// <summary>What the edge turned away; the meter <c>SkyRiff.Edge</c>.</summary>
internal sealed class EdgeTelemetry : IDisposable
{
    private readonly Meter _meter = new("SkyRiff.Edge");
    private readonly Counter<long> _refused;
    private readonly Counter<long> _shed;

    public EdgeTelemetry()
    {
        _refused = _meter.CreateCounter<long>("skyriff.edge.refused", "{request}", "Requests that a limit refused, by limit.");
        _shed = _meter.CreateCounter<long>("skyriff.edge.shed", "{call}", "Calls that were shed because too many ran, by priority.");
    }

    public void Refused(string limit) => _refused.Add(1, new KeyValuePair<string, object?>("limit", limit));

    public void Shed(string priority) => _shed.Add(1, new KeyValuePair<string, object?>("priority", priority));

    /// <summary>A number that is read when somebody looks.</summary>
    public void Observe(string name, string unit, string description, Func<int> value) => _meter.CreateObservableGauge(name, value, unit, description);

    public void Dispose() => _meter.Dispose();
}
