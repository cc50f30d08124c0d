using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace SkyRiff.Bench.Gateway;

/// <summary>The Kestrel front beside nginx with the same certificate: HTTP/1.1 and HTTP/2 over TLS, each on 64 kept connections.</summary>
internal static class TlsComparison
{
    private const int Connections = 64;
    private const int WarmRunsMax = 12;

    public static async Task RunAsync(GatewayBench bench, CancellationToken cancellationToken)
    {
        var (certificate, key) = await CertificateAsync(bench, cancellationToken);
        var (ours, nginx) = (GatewayBench.FreePort(), GatewayBench.FreePort());
        var config = PeerConfigs.Gateway(ours, bench.UpstreamPort, listen: $", tls: {{certificate: \"{certificate}\", key: \"{key}\"}}");
        await using var gatewayProcess = await bench.GatewayAsync("tls", config, ours, cancellationToken);
        await using var nginxProcess = await bench.NginxAsync(PeerConfigs.NginxTls(nginx, bench.UpstreamPort, certificate, key), "tls", nginx, cancellationToken);
        (string Name, PinnedProcess Process, int Port)[] proxies = [("gateway", gatewayProcess, ours), ("nginx", nginxProcess, nginx)];
        (string Protocol, bool IsHttp2)[] protocols = [("tls_h1", false), ("tls_h2", true)];
        foreach (var (protocol, http2) in protocols)
        {
            foreach (var proxy in proxies) await WarmAsync(bench, proxy, protocol, http2, cancellationToken);
        }
        for (var i = 0; i < bench.Repetitions; i++)
        {
            foreach (var (protocol, http2) in protocols)
            {
                foreach (var proxy in proxies)
                {
                    var name = proxy.Name;
                    var (load, cpu) = await MeasureAsync(bench, proxy, protocol, http2, cancellationToken);
                    bench.Results.Add($"{name}.cpu_us_per_request.{protocol}.c{Connections}", "us", cpu);
                    bench.Results.Add($"{name}.requests_per_s.{protocol}.c{Connections}", "1/s", load.RequestsPerSecond);
                    bench.Results.Add($"{name}.p99_ms.{protocol}.c{Connections}", "ms", load.P99Milliseconds);
                }
            }
        }
    }

    /// <summary>Until a request costs no less than in the run before: then the compiler, which has the same core, has nothing left to do.</summary>
    private static async Task WarmAsync(GatewayBench bench, (string Name, PinnedProcess Process, int Port) proxy, string protocol, bool http2, CancellationToken cancellationToken)
    {
        var before = double.MaxValue;
        for (var i = 0; i < WarmRunsMax; i++)
        {
            var (_, cpu) = await MeasureAsync(bench, proxy, protocol, http2, cancellationToken);
            if (cpu > before * 0.95) return;
            before = cpu;
        }
    }

    private static async Task<(Load Load, double CpuMicroseconds)> MeasureAsync(GatewayBench bench, (string Name, PinnedProcess Process, int Port) proxy, string protocol, bool http2, CancellationToken cancellationToken)
    {
        var before = proxy.Process.CpuSeconds();
        var load = await Load.H2loadAsync(GatewayBench.OtherCores, Connections, bench.Seconds(2, 4), proxy.Port, http2, bench.Folder, cancellationToken);
        if (!load.Clean) throw new InvalidOperationException($"The {protocol} run against {proxy.Name} had errors; its figures mean nothing.");
        return (load, (proxy.Process.CpuSeconds() - before) * 1e6 / load.Requests);
    }

    private static async Task<(string Certificate, string Key)> CertificateAsync(GatewayBench bench, CancellationToken cancellationToken)
    {
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var signed = new CertificateRequest("CN=localhost", ec, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return (await bench.WriteAsync("cert.pem", signed.ExportCertificatePem(), cancellationToken), await bench.WriteAsync("key.pem", ec.ExportPkcs8PrivateKeyPem(), cancellationToken));
    }
}
