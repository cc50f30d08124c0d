using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Running;
using SkyRiff.Gateway.Telemetry;

namespace SkyRiff.Gateway.Kestrel;

/// <summary>The front for TLS and HTTP/2, on ASP.NET Core's server, over the same decisions as the lean front.</summary>
internal sealed class KestrelFront : IAsyncDisposable
{
    /// <summary>While stopping: how long requests are still taken and answered with <c>close</c>, so that no client sends one into a connection that ends.</summary>
    private static readonly TimeSpan DrainIdleTimeout = TimeSpan.FromSeconds(1);

    /// <summary>While stopping: how long requests in flight may take; then they are cut.</summary>
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(30);

    private readonly WebApplication _services;
    private readonly IServer _server;
    private readonly DrainingTransport _transport;
    private readonly Http1UpstreamPool _pool;
    private readonly Http2Forwarder _http2;
    private readonly ForwardingHandler _handler;
    private readonly ITimer _tidying;
    private readonly TimeProvider _time;
    private int _ended;

    private KestrelFront(WebApplication services, IServer server, DrainingTransport transport, LaneMetrics metrics, Http1UpstreamPool pool, Http2Forwarder http2, ForwardingHandler handler, ITimer tidying, TimeProvider time) =>
        (_services, _server, _transport, Metrics, _pool, _http2, _handler, _tidying, _time) = (services, server, transport, metrics, pool, http2, handler, tidying, time);

    public IPEndPoint EndPoint => _transport.EndPoint;

    public LaneMetrics Metrics { get; }

    public static async Task<KestrelFront> StartAsync(ListenConfig listen, EdgeRuntime runtime, AccessLog? log, TimeProvider time, CancellationToken cancellationToken)
    {
        var metrics = new LaneMetrics();
        var pool = new Http1UpstreamPool(time);
        var race = new HedgeRace(runtime.Clock, time);
        var http2 = new Http2Forwarder(race, time);
        var handler = new ForwardingHandler(runtime, new Http1Forwarder(pool, race, time), http2, metrics, log is null ? null : new AccessLogLane(log), time);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            Limit(kestrel, listen, runtime);
            kestrel.Listen(listen.Address, options => Configure(options, listen));
        });
        var transport = new DrainingTransport();
        builder.Services.Configure<SocketTransportOptions>(transport.Configure);
        builder.Services.AddSingleton<SocketTransportFactory>();
        builder.Services.AddSingleton<IConnectionListenerFactory>(provider => transport.Over(provider.GetRequiredService<SocketTransportFactory>()));
        // The host is never started: the server calls the handler itself, without a pipeline between them.
        var services = builder.Build();
        var server = services.Services.GetRequiredService<IServer>();
        await server.StartAsync(handler, cancellationToken);
        var tidying = time.CreateTimer(
            _ =>
            {
                pool.Tidy(runtime.Snapshot);
                handler.FlushLog();
            },
            null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        return new(services, server, transport, metrics, pool, http2, handler, tidying, time);
    }

    /// <summary>Lets nobody new in, ends every connection with its next answer, and then as <see cref="DisposeAsync"/>.</summary>
    public async Task DrainAsync()
    {
        _handler.IsDraining = true;
        await _transport.StopListeningAsync();
        await _transport.Emptied.WaitAsync(DrainIdleTimeout, _time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await DisposeAsync();
    }

    /// <summary>Stops accepting, ends idle connections and waits for what is under way.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0) return;
        using var limit = new CancellationTokenSource(DrainTimeout, _time);
        await _server.StopAsync(limit.Token);
        await _services.DisposeAsync();
        await _tidying.DisposeAsync();
        _handler.FlushLog();
        _pool.Dispose();
        _http2.Dispose();
    }

    private static void Configure(ListenOptions options, ListenConfig listen)
    {
        options.Protocols = listen.Certificate is null ? HttpProtocols.Http1 : HttpProtocols.Http1AndHttp2;
        if (listen.Certificate is null) return;
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(listen.Certificate); // with whoever signed it, as far as the file says
        options.UseHttps(new HttpsConnectionAdapterOptions { ServerCertificate = X509Certificate2.CreateFromPemFile(listen.Certificate, listen.Key), ServerCertificateChain = chain });
    }

    private static void Limit(KestrelServerOptions kestrel, ListenConfig listen, EdgeRuntime runtime)
    {
        var limits = kestrel.Limits;
        kestrel.AddServerHeader = false;
        kestrel.RequestHeaderEncodingSelector = _ => Encoding.Latin1;
        kestrel.ResponseHeaderEncodingSelector = _ => Encoding.Latin1;
        kestrel.AllowResponseHeaderCompression = true;
        limits.KeepAliveTimeout = listen.IdleTimeout;
        limits.RequestHeadersTimeout = listen.HeadTimeout;
        limits.MaxConcurrentConnections = listen.ConnectionsMax;
        limits.MaxConcurrentUpgradedConnections = listen.ConnectionsMax;
        limits.MaxRequestBodySize = null; // ours is per route
        limits.MaxRequestHeaderCount = runtime.Snapshot.HeadLimits.FieldCountMax;
        limits.MaxRequestHeadersTotalSize = runtime.Snapshot.HeadLimits.HeadBytesMax;
        limits.MaxRequestLineSize = runtime.Snapshot.HeadLimits.TargetBytesMax + 64;
        limits.MinRequestBodyDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5));
        limits.MinResponseDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5));
        // Streams per connection are bounded, and Kestrel closes a connection that resets more of them than that (the rapid reset flood).
        limits.Http2.MaxStreamsPerConnection = 100;
        limits.Http2.MaxRequestHeaderFieldSize = 8 * 1024;
        limits.Http2.InitialStreamWindowSize = 256 * 1024;
        limits.Http2.InitialConnectionWindowSize = 1024 * 1024;
        limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
        limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(10);
    }
}
