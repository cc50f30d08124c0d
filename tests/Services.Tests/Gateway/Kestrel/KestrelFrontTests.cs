using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Kestrel;
using SkyRiff.Gateway.Running;
using SkyRiff.Kernel;
using SkyRiff.Services.Tests.Gateway.Hostile;
using SkyRiff.Services.Tests.Gateway.Lean;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Kestrel;

public sealed class KestrelFrontTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-From: upstream\r\n\r\nok";

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task A_request_over_tls_is_forwarded_and_answered(string version)
    {
        var seen = new List<string>();
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is { } head)
            {
                seen.Add(head + await wire.ReadBodyAsync(head)); // one connection, one after the other
                await wire.WriteAsync(Ok);
            }
        });
        await using var gateway = await Started.Async([upstream.EndPoint], tls: true);
        using var client = gateway.Client(Version.Parse(version));
        for (var i = 0; i < 3; i++)
        {
            using var message = new HttpRequestMessage(System.Net.Http.HttpMethod.Post, gateway.Url("/a?b=c")) { Content = new StringContent("hello"), Version = Version.Parse(version), VersionPolicy = HttpVersionPolicy.RequestVersionExact };
            message.Headers.Add("X-User-Id", "forged");
            using var reply = await client.SendAsync(message, Token);
            reply.StatusCode.ShouldBe(HttpStatusCode.OK);
            reply.Version.ShouldBe(Version.Parse(version));
            (await reply.Content.ReadAsStringAsync(Token)).ShouldBe("ok");
            reply.Headers.GetValues("X-From").Single().ShouldBe("upstream");
            reply.Headers.GetValues("X-Request-Id").Single().Length.ShouldBe(32);
        }
        upstream.Accepted.ShouldBe(1);
        seen.ShouldAllBe(s => s.StartsWith("POST /a?b=c HTTP/1.1\r\nHost: ", StringComparison.Ordinal) && s.EndsWith("\r\n\r\nhello", StringComparison.Ordinal));
        seen.ShouldAllBe(s => s.Contains("X-Forwarded-Proto: https\r\n", StringComparison.Ordinal) && !s.Contains("forged", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_the_list_refuses_gets_no_good_answer_unless_the_server_made_it_unambiguous()
    {
        var requests = 0;
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is { } head)
            {
                await wire.ReadBodyAsync(head);
                Interlocked.Increment(ref requests);
                await wire.WriteAsync(Ok);
            }
        });
        await using var gateway = await Started.Async([upstream.EndPoint], tls: false);
        var expected = HostileCases.PassedByKestrel().ToHashSet(StringComparer.Ordinal);
        var (passed, honestRefused) = (new ConcurrentBag<string>(), new ConcurrentBag<string>());
        await Parallel.ForEachAsync(HostileCases.Requests().Where(c => c.Verdict != "wait"), new ParallelOptions { MaxDegreeOfParallelism = 64, CancellationToken = Token }, async (item, _) =>
        {
            var isHonest = item.Verdict.StartsWith("accept", StringComparison.Ordinal);
            using var client = await Wire.ConnectAsync(gateway.Front.EndPoint);
            await client.WriteAsync(item.Bytes);
            // Whoever must get an answer is waited for; for the others a server that waits for more cannot be told from one that is slow.
            var mustAnswer = isHonest || expected.Contains($"{item.Verdict} | {item.Name}");
            var reply = await FirstBytesAsync(client.Socket, mustAnswer ? TimeSpan.FromSeconds(60) : TimeSpan.FromSeconds(2));
            if (reply.StartsWith("HTTP/1.1 2", StringComparison.Ordinal) != isHonest) (isHonest ? honestRefused : passed).Add($"{item.Verdict} | {item.Name}");
        });
        honestRefused.ShouldBeEmpty();
        passed.Order(StringComparer.Ordinal).ShouldBe(HostileCases.PassedByKestrel());
    }

    [Fact]
    public async Task A_large_body_streams_back_and_one_over_the_limit_is_413()
    {
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is { } head)
            {
                var body = await wire.ReadBodyAsync(head);
                await wire.WriteAsync($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}");
            }
        });
        await using var gateway = await Started.Async([upstream.EndPoint], tls: true, route: r => r with { BodyBytesMax = 200_000 });
        using var client = gateway.Client(HttpVersion.Version20);
        using var good = await client.PostAsync(gateway.Url("/"), new ByteArrayContent(new byte[200_000]), Token);
        (await good.Content.ReadAsByteArrayAsync(Token)).Length.ShouldBe(200_000);
        using var tooLarge = await client.PostAsync(gateway.Url("/"), new ByteArrayContent(new byte[200_001]), Token);
        tooLarge.StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
    }

    [Fact]
    public async Task While_it_stops_answers_end_their_connections()
    {
        await using var upstream = ScriptedUpstream.Answering(Ok);
        await using var gateway = await Started.Async([upstream.EndPoint], tls: false);
        using var client = await Wire.ConnectAsync(gateway.Front.EndPoint);
        await client.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await client.ReadResponseAsync()).Head.ShouldNotContain("Connection: close");
        var draining = gateway.Front.DrainAsync();
        await client.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await client.ReadResponseAsync()).Head.ShouldContain("Connection: close");
        await draining;
    }

    [Fact]
    public async Task An_upstream_that_fails_is_told_apart_from_one_that_is_away()
    {
        await using var broken = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n");
        });
        await using var hanging = new ScriptedUpstream(async (wire, _) => await wire.ReadToEndAsync());
        foreach (var (upstream, status, code) in new[] { (broken, 502, "gateway.upstream_content_length_duplicate"), (hanging, 504, "gateway.upstream_timeout") })
        {
            await using var gateway = await Started.Async([upstream.EndPoint], tls: true, route: r => r with { Timeout = TimeSpan.FromMilliseconds(100) });
            using var client = gateway.Client(HttpVersion.Version20);
            using var reply = await client.GetAsync(gateway.Url("/"), Token);
            ((int)reply.StatusCode).ShouldBe(status);
            (await reply.Content.ReadAsStringAsync(Token)).ShouldContain(code);
            reply.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        }
    }

    [Fact]
    public async Task Grpc_passes_both_ways_at_once_with_its_trailers()
    {
        await using var upstream = await Http2Echo.StartAsync();
        await using var gateway = await Started.Async([upstream.EndPoint], tls: true, cluster: c => c with { UseHttp2 = true });
        using var client = gateway.Client(HttpVersion.Version20);
        var pipe = new System.IO.Pipelines.Pipe();
        using var message = new HttpRequestMessage(System.Net.Http.HttpMethod.Post, gateway.Url("/pkg.Service/Chat")) { Content = new FlushedContent(pipe.Reader), Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        message.Headers.TryAddWithoutValidation("TE", "trailers");
        message.Content.Headers.TryAddWithoutValidation("Content-Type", "application/grpc");
        await pipe.Writer.WriteAsync("one"u8.ToArray(), Token);

        using var reply = await client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, Token);
        await using var body = await reply.Content.ReadAsStreamAsync(Token);
        var buffer = new byte[100];
        (await body.ReadAsync(buffer, Token)).ShouldBe(3);
        await pipe.Writer.WriteAsync("second"u8.ToArray(), Token);
        await body.ReadExactlyAsync(buffer.AsMemory(0, 6), Token);
        Encoding.ASCII.GetString(buffer, 0, 6).ShouldBe("second");
        await pipe.Writer.CompleteAsync();
        (await body.ReadAsync(buffer, Token)).ShouldBe(0);
        reply.TrailingHeaders.GetValues("grpc-status").Single().ShouldBe("0");
    }

    /// <summary>What is answered, or nothing when the server waits for more: that is no good answer either.</summary>
    private static async Task<string> FirstBytesAsync(System.Net.Sockets.Socket socket, TimeSpan patience)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(patience);
        var buffer = new byte[1024];
        try
        {
            return Encoding.Latin1.GetString(buffer, 0, await socket.ReceiveAsync(buffer, limit.Token));
        }
        catch (Exception none) when (none is OperationCanceledException or System.Net.Sockets.SocketException)
        {
            return "";
        }
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private sealed class Started(KestrelFront front, EdgeRuntime runtime, string folder, bool tls) : IAsyncDisposable
    {
        public KestrelFront Front { get; } = front;

        public static async Task<Started> Async(IEnumerable<IPEndPoint> upstreams, bool tls, Func<RouteConfig, RouteConfig>? route = null, Func<ClusterConfig, ClusterConfig>? cluster = null)
        {
            var folder = Directory.CreateTempSubdirectory("gateway-").FullName;
            var listen = new ListenConfig(new(IPAddress.Loopback, 0)) { IsLean = false };
            if (tls) listen = listen with { Certificate = Path.Combine(folder, "cert.pem"), Key = Path.Combine(folder, "key.pem") };
            if (tls) await WriteCertificateAsync(listen.Certificate!, listen.Key!);
            var clusterConfig = LeanGateway.NeverOpen(new ClusterConfig("c") { Endpoints = [.. upstreams.Select(e => new EndpointConfig(e.ToString(), e, 1))] });
            var routeConfig = new RouteConfig("r") { Cluster = "c" };
            var edge = new EdgeConfig { Clusters = [cluster?.Invoke(clusterConfig) ?? clusterConfig], Routes = [route?.Invoke(routeConfig) ?? routeConfig] };
            var runtime = new EdgeRuntime(edge, TimeProvider.System, Entropy.System, NullLoggerFactory.Instance);
            return new(await KestrelFront.StartAsync(listen, runtime, null, TimeProvider.System, Token), runtime, folder, tls);
        }

        public Uri Url(string path) => new($"{(tls ? "https" : "http")}://localhost:{Front.EndPoint.Port}{path}");

        public HttpClient Client(Version version) => new(new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true } })
        {
            DefaultRequestVersion = version,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = TimeSpan.FromSeconds(10),
        };

        public async ValueTask DisposeAsync()
        {
            await Front.DisposeAsync();
            await runtime.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }

        private static async Task WriteCertificateAsync(string certificate, string key)
        {
            using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using var signed = new CertificateRequest("CN=localhost", ec, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            await File.WriteAllTextAsync(certificate, signed.ExportCertificatePem(), Token);
            await File.WriteAllTextAsync(key, ec.ExportPkcs8PrivateKeyPem(), Token);
        }
    }

    /// <summary>Sends each piece as soon as it is there, as a gRPC client does.</summary>
    private sealed class FlushedContent(System.IO.Pipelines.PipeReader reader) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            while (true)
            {
                var read = await reader.ReadAsync(Token);
                foreach (var part in read.Buffer) await stream.WriteAsync(part, Token);
                await stream.FlushAsync(Token);
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted) return;
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }

    /// <summary>An HTTP/2 server that sends back what comes, as it comes, with a gRPC status.</summary>
    private sealed class Http2Echo(WebApplication app) : IAsyncDisposable
    {
        public IPEndPoint EndPoint => new(IPAddress.Loopback, new Uri(app.Urls.First()).Port);

        public static async Task<Http2Echo> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, options => options.Protocols = HttpProtocols.Http2));
            var app = builder.Build();
            app.Run(async context =>
            {
                context.Request.Headers.TE.ToString().ShouldBe("trailers");
                context.Response.ContentType = "application/grpc";
                await context.Response.StartAsync(context.RequestAborted);
                var buffer = new byte[100];
                int read;
                while ((read = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0)
                {
                    await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), context.RequestAborted);
                    await context.Response.Body.FlushAsync(context.RequestAborted);
                }
                context.Response.AppendTrailer("grpc-status", "0");
            });
            await app.StartAsync(Token);
            return new(app);
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }
}
