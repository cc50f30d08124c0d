using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Lean;
using SkyRiff.Gateway.Running;
using SkyRiff.Kernel;
using SkyRiff.Services.Tests.Gateway.Lean;

namespace SkyRiff.Services.Tests.Gateway.Running;

/// <summary>A gateway with all of its loops behind a lean front, in this process.</summary>
internal sealed record RunningEdge(EdgeRuntime Runtime, LeanFront Front) : IAsyncDisposable
{
    public static async Task<RunningEdge> StartAsync(EdgeConfig config, CancellationToken cancellationToken)
    {
        var runtime = new EdgeRuntime(config, TimeProvider.System, Entropy.System, NullLoggerFactory.Instance);
        await runtime.StartAsync(cancellationToken);
        var front = LeanFront.Start(new LeanOptions { Listen = new(IPAddress.Loopback, 0), Loops = 1, DrainIdleTimeout = TimeSpan.FromMilliseconds(1) }, runtime.Snapshot, TimeProvider.System, Entropy.System);
        runtime.Applied += snapshot => front.Snapshot = snapshot;
        return new(runtime, front);
    }

    /// <summary>What requests with these header lines are answered, one after another on one connection.</summary>
    public async Task<List<int>> StatusesAsync(IEnumerable<string> headers)
    {
        using var client = await Wire.ConnectAsync(Front.EndPoint);
        var statuses = new List<int>();
        foreach (var lines in headers)
        {
            await client.WriteAsync($"GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
            statuses.Add(int.Parse((await client.ReadResponseAsync()).Head.Split(' ')[1]));
        }
        return statuses;
    }

    public async ValueTask DisposeAsync()
    {
        await Front.DisposeAsync();
        await Runtime.DisposeAsync();
    }
}
