using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Services.Tests.Gateway.ResponseCache;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Hedges;

/// <summary>The same over HTTP/2, where who is dropped loses a stream and not the connection that others share.</summary>
public sealed class Http2HedgeTests
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_stream_of_the_slower_one_is_reset_and_its_connection_stays(bool isFirstSlow)
    {
        await using var one = await Upstream.StartAsync();
        await using var another = await Upstream.StartAsync();
        Upstream[] order = [.. new[] { one, another }.OrderBy(u => u.Name, StringComparer.Ordinal)]; // in which round robin goes
        var (hanging, answering) = isFirstSlow ? (order[0], order[1]) : (order[1], order[0]);
        hanging.MayAnswer = _ => false;
        // When it is asked first it waits until the second is asked, so that there is a race.
        answering.MayAnswer = asked => isFirstSlow || hanging.Asked >= asked;
        await using var gateway = await BothFronts.StartAsync(
            "kestrel",
            order[0].EndPoint,
            r => r with { Hedge = new HedgeConfig { After = Step } },
            edge => edge with { Clusters = [.. edge.Clusters.Select(c => c with { UseHttp2 = true, Balance = "round_robin", Endpoints = [.. order.Select(u => new EndpointConfig(u.Name, u.EndPoint, 1))] })] });
        gateway.Snapshot.Clusters["c"].Targets[0].Address.ShouldBe(order[0].EndPoint);
        for (var round = 1; round <= 2; round++)
        {
            var asking = AskAsync(gateway);
            await Eventually.TrueAsync(
                () =>
                {
                    if (asking.IsCompleted) return true;
                    gateway.Time.Advance(Step);
                    return false;
                },
                "the request was answered");
            (await asking).ShouldBe("got hello");
            await Eventually.TrueAsync(() => hanging.Reset == round, "the slower one's stream was reset");
        }
        (hanging.Connections, answering.Connections).ShouldBe((1, 1));
        var hedging = gateway.Snapshot.Routes[0].Hedging!;
        (hedging.Sent, hedging.Won).ShouldBe((2, isFirstSlow ? 2 : 0));
        await Eventually.TrueAsync(() => gateway.Snapshot.Clusters["c"].Targets.All(t => t.Endpoint.InFlight == 0), "nothing is in flight any more");
        gateway.Snapshot.Clusters["c"].Targets.Single(t => t.Address.Equals(hanging.EndPoint)).Endpoint.Latency(gateway.Clock.Now).ShouldBe(0, "who was dropped did not fail");
    }

    private static async Task<string> AskAsync(BothFronts gateway)
    {
        using var wire = await gateway.ConnectAsync();
        await wire.WriteAsync("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        return (await BothFronts.ReadAsync(wire)).Body;
    }

    /// <summary>An HTTP/2 server that answers with the body it got, when it may.</summary>
    private sealed class Upstream(WebApplication app) : IAsyncDisposable
    {
        private int _asked;
        private int _reset;
        private int _connections;

        public IPEndPoint EndPoint => new(IPAddress.Loopback, new Uri(app.Urls.First()).Port);

        public string Name => EndPoint.ToString();

        public Func<int, bool> MayAnswer { get; set; } = _ => true;

        public int Asked => Volatile.Read(ref _asked);

        public int Reset => Volatile.Read(ref _reset);

        public int Connections => Volatile.Read(ref _connections);

        public static async Task<Upstream> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            Upstream? upstream = null;
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, options =>
            {
                options.Protocols = HttpProtocols.Http2;
                options.Use(next => connection =>
                {
                    Interlocked.Increment(ref upstream!._connections);
                    return next(connection);
                });
            }));
            var app = builder.Build();
            upstream = new Upstream(app);
            app.Run(upstream.ServeAsync);
            await app.StartAsync(Token);
            return upstream;
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();

        private async Task ServeAsync(HttpContext context)
        {
            var gone = context.RequestAborted;
            await using var counting = gone.Register(() => Interlocked.Increment(ref _reset));
            var asked = Interlocked.Increment(ref _asked);
            using var reader = new StreamReader(context.Request.Body);
            var body = await reader.ReadToEndAsync(gone);
            await Eventually.TrueAsync(() => gone.IsCancellationRequested || MayAnswer(asked), "it may answer, or is reset");
            if (!gone.IsCancellationRequested) await context.Response.WriteAsync("got " + body, gone);
        }
    }
}
