namespace SkyRiff.Bench.Gateway;

/// <summary>What each feature adds to a request, switched on alone; metrics, request ids and trace context are in all of them, also in "none".</summary>
internal static class FeatureCosts
{
    private const string Prefix = "gateway.cpu_us_per_request.with.";
    private const string Added = "gateway.cpu_us_added_by.";

    private sealed record Feature(string Name, string Top = "", string Cluster = "", string Route = "", params string[] Headers)
    {
        public string Path { get; init; } = "/x";
    }

    public static async Task RunAsync(GatewayBench bench, CancellationToken cancellationToken)
    {
        var jwt = PeerConfigs.Jwt(bench.JwksFile);
        Feature[] features =
        [
            new("none"),
            new("rate_limit", PeerConfigs.Limits),
            new("jwt", jwt, Route: ", auth: required", Headers: bench.Authorization),
            new("api_key", $"api_keys: [{{user: bench, sha256: \"{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("bench"u8))}\"}}]\n", Route: ", auth: required", Headers: "X-Api-Key: bench"),
            new("access_log", "access_log: {path: \"/dev/null\"}\n"),
            new("security_headers", "security_headers: true\n"),
            new("cors", Route: ", cors: {origins: [\"https://app.example\"], credentials: true}", Headers: "Origin: https://app.example"),
            new("transforms", Route: ", request_headers: {set: {X-Client: \"{client_ip}\"}, remove: [X-Debug]}, response_headers: {set: {X-Served: yes}}"),
            new("rewrite", Route: ", match: {path: \"/*\"}, rewrite: \"/v2/*\""),
            new("canary", Route: ", canary: {to: second, percent: 50}"),
            new("sticky", Route: ", sticky_cookie: srv"),
            new("adaptive_concurrency", Cluster: ", adaptive_concurrency: {start: 500}"),
            new("least_latency", Cluster: ", balance: least_latency"),
            new("cache_hit", Route: ", cache: {}") { Path = PeerConfigs.FreshPath },
            new("cache_miss", Route: ", cache: {}"),
            new("gzip", Route: ", compress: {}", Headers: "Accept-Encoding: gzip") { Path = PeerConfigs.TextPath },
            new("brotli", Route: ", compress: {}", Headers: "Accept-Encoding: br") { Path = PeerConfigs.TextPath },
            new("cache_hit_gzip", Route: ", cache: {}, compress: {}", Headers: "Accept-Encoding: gzip") { Path = PeerConfigs.FreshPath },
            new("mirror_1_percent", Route: ", mirror: {to: second, percent: 1}"),
            new("mirror_100_percent", Route: ", mirror: {to: second, percent: 100}"),
            new("hedge", Route: ", hedge: {percentile: 0.95, after: 100ms}"),
            new("trusted_deadline", "trusted_proxies: [127.0.0.0/8]\n", Headers: "X-Deadline-Ms: 3000"),
            new("no_retries", Cluster: ", retries_max: 0"),
            new("all", jwt + PeerConfigs.Limits + "access_log: {path: \"/dev/null\"}\nsecurity_headers: true\n", ", adaptive_concurrency: {start: 500}",
                ", auth: required, cors: {origins: [\"https://app.example\"]}, canary: {to: second, percent: 50}", bench.Authorization, "Origin: https://app.example"),
        ];
        var running = new List<(Feature Feature, PinnedProcess Process, int Port)>();
        try
        {
            foreach (var feature in features)
            {
                var port = GatewayBench.FreePort();
                running.Add((feature, await bench.GatewayAsync("feature-" + feature.Name, PeerConfigs.Gateway(port, bench.UpstreamPort, feature.Top, feature.Cluster, feature.Route), port, cancellationToken), port));
            }
            for (var i = -1; i < bench.Repetitions; i++)
            {
                foreach (var (feature, process, port) in running)
                {
                    var (_, cpu) = await GatewayBench.MeasureAsync(process, 64, bench.Seconds(1, 2), port, feature.Path, feature.Headers, cancellationToken);
                    if (i >= 0) bench.Results.Add(Prefix + feature.Name, "us", cpu);
                }
            }
            foreach (var feature in features.Skip(1)) bench.Results.Add(Added + feature.Name, "us", bench.Results.Median(Prefix + feature.Name) - bench.Results.Median(Prefix + "none"));
        }
        finally
        {
            foreach (var (_, process, _) in running) await process.DisposeAsync();
        }
    }

    /// <summary>The same as a table to read, the dearest first.</summary>
    public static void Print(Results results, TextWriter output)
    {
        output.WriteLine();
        output.WriteLine("| feature, alone | adds, us of processor time per request |");
        output.WriteLine("|---|---|");
        foreach (var (name, median) in results.Medians.Where(r => r.Name.StartsWith(Added, StringComparison.Ordinal)).OrderByDescending(r => r.Median))
            output.WriteLine($"| {name[Added.Length..]} | {median:0.00} |");
    }
}
