using SkyRiff.Gateway.Decisions;

namespace SkyRiff.Gateway.Configuration;

/// <summary>A share of a route's requests is sent to another cluster as well, whose answers nobody waits for.</summary>
internal sealed record MirrorConfig(string Cluster)
{
    public double Percent { get; init; } = 100;

    /// <summary>Copies under way; those beyond are dropped and counted.</summary>
    public int InFlightMax { get; init; } = 64;

    /// <summary>A request with a larger body is not copied. The lean front copies what it holds whole, which is never more than 16 KB with the head.</summary>
    public int BodyBytesMax { get; init; } = 16 * 1024;

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    public static MirrorConfig Parse(ConfigNode node, EdgeConfig edge)
    {
        var to = node.Required("to", "the name of a cluster");
        if (to.Length > 0) RouteParser.Known(node, "to", to, edge);
        var mirror = new MirrorConfig(to)
        {
            Percent = node.Parsed("percent", 100.0, "a number from 0 to 100", RouteParser.Percent),
            InFlightMax = node.Integer("in_flight_max", 64, 1, Mirror.QueueMax),
            BodyBytesMax = (int)node.Size("body_max", 16 * 1024, 0, 1 << 20),
            Timeout = node.Duration("timeout", TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(5)),
        };
        if (edge.Clusters.Any(c => c.Name == to && c.UseHttp2)) node.Mistake("to", "a cluster with protocol http1, which copies are sent in");
        node.Close();
        return mirror;
    }
}
