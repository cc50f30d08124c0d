using System.Numerics;

namespace SkyRiff.Gateway.Telemetry;

/// <summary>
/// What one lane (an event loop, or the Kestrel front as a whole) has counted per route. Lanes are added up when somebody asks, so that counting takes
/// no lock and shares no cache line.
/// </summary>
internal sealed class LaneMetrics
{
    private RouteCounters?[] _routes = [];

    public ReadOnlySpan<RouteCounters?> Routes => _routes;

    /// <summary><paramref name="route"/>: its metrics index, or 0 for what found none.</summary>
    public void Record(int route, int status, long nanoseconds, long bytesIn, long bytesOut)
    {
        if (route >= _routes.Length) Array.Resize(ref _routes, Math.Max(route + 1, 8));
        (_routes[route] ??= new RouteCounters()).Record(status, nanoseconds, bytesIn, bytesOut);
    }
}

/// <summary>One route's counters in one lane; a single writer.</summary>
internal sealed class RouteCounters
{
    /// <summary>Upper bounds double from 64 us to 34 s; the last bucket has none.</summary>
    public const int Buckets = 21;

    public readonly long[] ByClass = new long[6];
    public readonly long[] Durations = new long[Buckets];
    public long DurationNanoseconds;
    public long BytesIn;
    public long BytesOut;

    public static double UpperBoundSeconds(int bucket) => (64L << bucket) / 1e6;

    public void Record(int status, long nanoseconds, long bytesIn, long bytesOut)
    {
        ByClass[Math.Clamp(status / 100, 0, 5)]++;
        var microseconds = (ulong)nanoseconds / 1000;
        Durations[Math.Min(Buckets - 1, microseconds < 64 ? 0 : BitOperations.Log2(microseconds) - 5)]++;
        DurationNanoseconds += nanoseconds;
        BytesIn += bytesIn;
        BytesOut += bytesOut;
    }
}

/// <summary>Dense numbers for route names that stay over reloads; 0 is "no route".</summary>
internal static class MetricNames
{
    private static readonly Lock Gate = new();
    private static readonly List<string> Names = ["(none)"];

    public static int IndexOf(string name)
    {
        lock (Gate)
        {
            var index = Names.IndexOf(name);
            if (index >= 0) return index;
            Names.Add(name);
            return Names.Count - 1;
        }
    }

    public static string NameOf(int index)
    {
        lock (Gate) return Names[index];
    }
}
