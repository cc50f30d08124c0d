namespace SkyRiff.Bench.Gateway;

/// <summary>
/// Plain forwarding, and with what an edge does: ours checks a token, counts limits, keeps metrics and accounts for every request; the others count a limit only.
/// </summary>
internal static class Comparison
{
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
                    var seen = new Dictionary<string, (Load Load, double Cpu)>();
                    for (var turn = 0; turn < proxies.Length; turn++)
                    {
                        var (name, process, port) = proxies[(i + turn) % proxies.Length]; // nobody is always the first
                        var (load, cpu) = await GatewayBench.MeasureAsync(process, connections, bench.Seconds(2, 5), port, headers, cancellationToken);
                        bench.Results.Add($"{name}.cpu_us_per_request.{suffix}", "us", cpu);
                        bench.Results.Add($"{name}.requests_per_s.{suffix}", "1/s", load.RequestsPerSecond);
                        bench.Results.Add($"{name}.p99_ms.{suffix}", "ms", load.P99Milliseconds);
                        seen[name] = (load, cpu);
                    }
                    // Of the same half minute, since the machine is another one in the next.
                    bench.Results.Add($"gateway_to_nginx.cpu_ratio.{suffix}", "", seen["gateway"].Cpu / seen["nginx"].Cpu);
                    bench.Results.Add($"gateway_to_nginx.requests_ratio.{suffix}", "", seen["gateway"].Load.RequestsPerSecond / seen["nginx"].Load.RequestsPerSecond);
                    bench.Results.Add($"gateway_to_nginx.p99_ratio.{suffix}", "", seen["gateway"].Load.P99Milliseconds / seen["nginx"].Load.P99Milliseconds);
                }
            }
        }
    }
}
