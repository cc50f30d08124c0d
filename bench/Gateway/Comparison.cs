namespace SkyRiff.Bench.Gateway;

/// <summary>
/// Plain forwarding, and with what an edge does: ours checks a token, counts limits, keeps metrics and accounts for every request; the others count a limit only.
/// </summary>
internal static class Comparison
{
    private const int TurnsPerRepetition = 3;

    private static readonly int[] Connections = [64, 256];

    public static async Task RunAsync(GatewayBench bench, CancellationToken cancellationToken)
    {
        foreach (var full in (bool[])[false, true])
        {
            var kind = full ? "full" : "plain";
            var (ours, nginx, haproxy) = (GatewayBench.FreePort(), GatewayBench.FreePort(), GatewayBench.FreePort());
            var config = full ? PeerConfigs.Gateway(ours, bench.UpstreamPort, PeerConfigs.Jwt(bench.JwksFile) + PeerConfigs.Limits, route: ", auth: required") : PeerConfigs.Gateway(ours, bench.UpstreamPort);
            await using var gatewayProcess = await bench.GatewayAsync(kind, config, ours, cancellationToken);
            await using var nginxProcess = await bench.NginxAsync(PeerConfigs.NginxProxy(nginx, bench.UpstreamPort, full), kind, nginx, cancellationToken);
            await using var haproxyProcess = await bench.HaproxyAsync(PeerConfigs.Haproxy(haproxy, bench.UpstreamPort, full), kind, haproxy, cancellationToken);
            (string Name, PinnedProcess Process, int Port)[] proxies = [("gateway", gatewayProcess, ours), ("nginx", nginxProcess, nginx), ("haproxy", haproxyProcess, haproxy)];
            string[] headers = full ? [bench.Authorization] : [];
            foreach (var (_, _, port) in proxies) await Load.WrkAsync(GatewayBench.OtherCores, 64, bench.Seconds(2, 5), port, "/x", headers, cancellationToken); // warm
            for (var i = 0; i < bench.Repetitions; i++)
            {
                foreach (var connections in Connections)
                {
                    var suffix = $"{kind}.c{connections}";
                    var seen = proxies.ToDictionary(proxy => proxy.Name, _ => new List<(Load Load, double Cpu)>());
                    // In short turns, since the machine is another one in the next minute; and nobody is always the first.
                    for (var turn = 0; turn < TurnsPerRepetition * proxies.Length; turn++)
                    {
                        var (name, process, port) = proxies[(i + turn) % proxies.Length];
                        seen[name].Add(await GatewayBench.MeasureAsync(process, connections, bench.Seconds(1, 2), port, headers, cancellationToken));
                    }
                    foreach (var (name, turns) in seen)
                    {
                        bench.Results.Add($"{name}.cpu_us_per_request.{suffix}", "us", Cpu(turns));
                        bench.Results.Add($"{name}.requests_per_s.{suffix}", "1/s", RequestsPerSecond(turns));
                        bench.Results.Add($"{name}.p99_ms.{suffix}", "ms", P99(turns));
                    }
                    var (own, other) = (seen["gateway"], seen["nginx"]);
                    bench.Results.Add($"gateway_to_nginx.cpu_ratio.{suffix}", "", Cpu(own) / Cpu(other));
                    bench.Results.Add($"gateway_to_nginx.requests_ratio.{suffix}", "", RequestsPerSecond(own) / RequestsPerSecond(other));
                    bench.Results.Add($"gateway_to_nginx.p99_ratio.{suffix}", "", P99(own) / P99(other));
                }
            }
        }
    }

    private static double Cpu(List<(Load Load, double Cpu)> turns) => turns.Sum(turn => turn.Cpu * turn.Load.Requests) / turns.Sum(turn => turn.Load.Requests);

    private static double RequestsPerSecond(List<(Load Load, double Cpu)> turns) => turns.Average(turn => turn.Load.RequestsPerSecond);

    /// <summary>The middle turn's: one that met a moment of the machine's own does not count.</summary>
    private static double P99(List<(Load Load, double Cpu)> turns) => turns.Select(turn => turn.Load.P99Milliseconds).Order().ElementAt(turns.Count / 2);
}
