using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.Gateway.Running;

/// <summary>Asks every target of every cluster that wants it for its health path, when it is due.</summary>
internal sealed class HealthProber(EdgeRuntime runtime, TimeProvider time, Entropy entropy, ILogger<HealthProber> logger)
    : SupervisedLoop("gateway-health-prober", time, entropy, logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <summary>Probes at the same time, over all clusters; a due one beyond waits for the next round.</summary>
    private const int ProbesMax = 256;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        var running = new List<Task>();
        while (true)
        {
            var next = runtime.NextApplied;
            var clusters = runtime.Snapshot.Clusters.Values.Where(c => c.Config.Group.ActiveHealth.IsEnabled).ToList();
            if (clusters.Count == 0) await next.WaitAsync(stopping);
            else await Task.Delay(Interval, Time, stopping);
            running.RemoveAll(probe => probe.IsCompleted);
            foreach (var cluster in clusters)
            {
                foreach (var target in cluster.Targets)
                {
                    if (running.Count >= ProbesMax || !target.Endpoint.Probes.TryBeginProbe(runtime.Clock.Now, Entropy)) continue;
                    running.Add(ProbeAsync(cluster, target, stopping));
                }
            }
        }
    }

    private async Task ProbeAsync(Cluster cluster, Target target, CancellationToken stopping)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(cluster.Config.Group.ActiveHealth.ProbeDurationMax);
        var isGood = false;
        try
        {
            // A connection of its own: what is asked is whether the target takes new ones too.
            using var handler = new SocketsHttpHandler { ConnectCallback = (_, token) => ConnectAsync(target, token), UseProxy = false, AllowAutoRedirect = false };
            using var client = new HttpClient(handler);
            using var reply = await client.GetAsync(new Uri("http://probe" + cluster.Config.HealthPath), HttpCompletionOption.ResponseHeadersRead, limit.Token);
            isGood = (int)reply.StatusCode is >= 200 and < 300;
        }
        catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException or SocketException)
        {
            if (stopping.IsCancellationRequested) return;
        }
        var was = target.Endpoint.Probes.IsHealthy;
        cluster.State.Group.Probed(target.Endpoint, isGood, runtime.Clock.Now);
        if (was != target.Endpoint.Probes.IsHealthy)
            Logger.LogWarning("Target {Target} of cluster {Cluster} is now {State}", target.Endpoint.Id, cluster.Name, isGood ? "well" : "ill");
    }

    private static async ValueTask<Stream> ConnectAsync(Target target, CancellationToken cancellationToken)
    {
        var socket = new Socket(target.Address.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(target.Address, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
