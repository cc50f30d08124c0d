using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace SkyRiff.Bench.Gateway;

/// <summary>The Kestrel front beside nginx with the same certificate: HTTP/1.1 and HTTP/2 over TLS, each on 64 kept connections.</summary>
internal static class TlsComparison
{
    private const int Connections = 64;

    public static async Task RunAsync(GatewayBench bench, CancellationToken cancellationToken)
    {
        var (certificate, key) = await CertificateAsync(bench, cancellationToken);
        var (ours, nginx) = (GatewayBench.FreePort(), GatewayBench.FreePort());
        var config = PeerConfigs.Gateway(ours, bench.UpstreamPort, listen: $", tls: {{certificate: \"{certificate}\", key: \"{key}\"}}");
        await using var gatewayProcess = await bench.GatewayAsync("tls", config, ours, cancellationToken);
        await using var nginxProcess = await bench.NginxAsync(PeerConfigs.NginxTls(nginx, bench.UpstreamPort, certificate, key), "tls", nginx, cancellationToken);
        (string Name, PinnedProcess Process, int Port)[] proxies = [("gateway", gatewayProcess, ours), ("nginx", nginxProcess, nginx)];
        for (var i = -1; i < bench.Repetitions; i++)
        {
            foreach (var (protocol, http2) in new[] { ("tls_h1", false), ("tls_h2", true) })
            {
                foreach (var (name, process, port) in proxies)
                {
                    var before = process.CpuSeconds();
                    var load = await Load.H2loadAsync(GatewayBench.OtherCores, Connections, bench.Seconds(2, 4), port, http2, bench.Folder, cancellationToken);
                    var cpu = (process.CpuSeconds() - before) * 1e6 / load.Requests;
                    if (!load.Clean) throw new InvalidOperationException($"The {protocol} run against {name} had errors; its figures mean nothing.");
                    if (i < 0) continue; // warm
                    bench.Results.Add($"{name}.cpu_us_per_request.{protocol}.c{Connections}", "us", cpu);
                    bench.Results.Add($"{name}.requests_per_s.{protocol}.c{Connections}", "1/s", load.RequestsPerSecond);
                    bench.Results.Add($"{name}.p99_ms.{protocol}.c{Connections}", "ms", load.P99Milliseconds);
                }
            }
        }
    }

    private static async Task<(string Certificate, string Key)> CertificateAsync(GatewayBench bench, CancellationToken cancellationToken)
    {
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var signed = new CertificateRequest("CN=localhost", ec, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return (await bench.WriteAsync("cert.pem", signed.ExportCertificatePem(), cancellationToken), await bench.WriteAsync("key.pem", ec.ExportPkcs8PrivateKeyPem(), cancellationToken));
    }
}
