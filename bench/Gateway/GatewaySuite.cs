using System.Diagnostics;
using Microsoft.Extensions.Logging;
using SkyRiff.Gateway;

namespace SkyRiff.Bench.Gateway;

/// <summary>
/// The gateway beside nginx and HAProxy: the same upstream, the same clients, one after the other in turns, and medians. With four cores or more, proxies have two
/// of them, and clients and upstream two others. With two, a proxy has one, and runs one loop, worker or thread, and clients and upstream have the other:
/// so the proxy's processor time is its own, and it is the proxy that sets the pace.
/// </summary>
public static class GatewaySuite
{
    private static readonly string[] Peers = ["nginx", "haproxy", "wrk", "h2load", "taskset"];

    /// <summary>The process under measurement: the gateway from a file, until it is told to stop.</summary>
    public static async Task<int> ServeAsync(string configFile)
    {
        GatewayHost.PrepareProcess();
        using var stopping = new CancellationTokenSource();
        using var signal = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            stopping.Cancel();
        });
        using var loggers = LoggerFactory.Create(_ => { });
        return await GatewayHost.RunAsync(configFile, Console.Out, loggers, stopping.Token);
    }

    /// <summary>Runs the suite and writes <c>gateway.json</c>; 0, or 3 when a peer is missing and cannot be installed.</summary>
    public static async Task<int> RunAsync(bool quick, string resultsDir, CancellationToken cancellationToken)
    {
        if (!await ArePeersThereAsync(resultsDir, cancellationToken)) return 3;
        var results = new Results("gateway");
        await using var bench = await GatewayBench.StartAsync(results, quick, cancellationToken);
        await Comparison.RunAsync(bench, cancellationToken);
        await TlsComparison.RunAsync(bench, cancellationToken);
        await FeatureCosts.RunAsync(bench, cancellationToken);
        await Footprint.RunAsync(bench, cancellationToken);
        results.Print(Console.Out);
        FeatureCosts.Print(results, Console.Out);
        await results.WriteAsync(resultsDir, cancellationToken);
        return 0;
    }

    private static async Task<bool> ArePeersThereAsync(string resultsDir, CancellationToken cancellationToken)
    {
        if (!Array.Exists(Peers, IsMissing)) return true;
        var installer = Path.Combine(resultsDir, "..", "install-peers.sh");
        using var installing = Process.Start(new ProcessStartInfo("bash", [installer]) { UseShellExecute = false }) ?? throw new InvalidOperationException("No bash.");
        await installing.WaitForExitAsync(cancellationToken);
        foreach (var peer in Peers.Where(IsMissing)) await Console.Error.WriteLineAsync($"{peer} is not installed, and {installer} could not install it");
        return !Array.Exists(Peers, IsMissing);
    }

    private static bool IsMissing(string program) =>
        !(Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));
}
