namespace SkyRiff.Gateway.Configuration;

/// <summary>When an idempotent request that is not answered is sent to a second target as well; the first good answer is used.</summary>
internal sealed record HedgeConfig
{
    /// <summary>After so long; with <see cref="Percentile"/>, until enough answers were seen.</summary>
    public TimeSpan After { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>After as long as this share of the route's requests take, from 0.5 to 0.999; zero: always after <see cref="After"/>.</summary>
    public double Percentile { get; init; }

    public static HedgeConfig Parse(ConfigNode node)
    {
        var hedge = new HedgeConfig
        {
            After = node.Duration("after", TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(1)),
            Percentile = node.Share("percentile", 0),
        };
        if (node.Has("percentile") && hedge.Percentile is < 0.5 or > 0.999) node.Mistake("percentile", "a share from 0.5 to 0.999, such as 0.95");
        node.Close();
        return hedge;
    }
}
