using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Shouldly;
using SkyRiff.Bench;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Holding;

[Collection(HoldingCollection.Name)]
public sealed class Http2FloodTests
{
    private const int Attackers = 4;
    private const int FramesPerBatch = 200;
    private const int HonestBetween = 20;

    /// <summary>What all attackers together may make the gateway hold.</summary>
    private const long BytesMax = 96 << 20;

    private static readonly int FramesEach = Campaign.Length(10_000, 250_000);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string> Attacks => ["rapid reset", "settings", "settings unread", "pings", "pings unread", "continuations", "empty continuations", "empty data", "priorities", "closed windows", "window crumbs", "window overflow"];

    [Theory]
    [MemberData(nameof(Attacks))]
    public async Task A_flood_costs_bounded_memory_and_honest_clients_are_served(string attack)
    {
        var large = LoadUpstream.Answer(200, new string('l', 1 << 20));
        await using var upstream = new LoadUpstream(async call =>
        {
            await call.SendAsync(call.Path == "/large" ? large : LoadUpstream.Ok);
            return true;
        });
        var (certificate, key) = Certificate();
        await using var gateway = await GatewayProcess.StartAsync(
            "tls: {certificate: \"{folder}/cert.pem\", key: \"{folder}/key.pem\"}",
            $$"""
            clusters:
              behind: {endpoints: ["{{upstream.EndPoint}}"], breaker: {window_calls: 1024, calls_min: 1024}, outliers: {enabled: false}, in_flight_max: 2000, idle_timeout: 1s, connect_timeout: 10s}
            routes:
              - {name: all, to: behind, timeout: 10s}
            """,
            ("cert.pem", certificate), ("key.pem", key));
        using var client = Client(gateway.Port);
        for (var i = 0; i < 200; i++) await AskAsync(client);
        await Eventually.TrueAsync(async () => (await gateway.StatusAsync()).ValueKind != default, "the admin page is compiled");
        var (bytesBefore, cpuBefore) = (gateway.ResidentBytes, gateway.CpuSeconds);

        var attacking = Task.WhenAll(Enumerable.Range(0, Attackers).Select(_ => Task.Run(() => AttackAsync(gateway.Port, attack), Token)));
        var (honest, most) = (0, bytesBefore);
        while (!attacking.IsCompleted || honest < HonestBetween)
        {
            await AskAsync(client);
            honest++;
            most = Math.Max(most, gateway.ResidentBytes);
        }
        var frames = (await attacking).Sum(a => a.Frames);
        var connections = (await attacking).Sum(a => a.Connections);

        var results = new Results("gateway-http2-" + attack.Replace(' ', '-'));
        results.Add("frames sent", "", frames);
        results.Add("connections it took", "", connections);
        results.Add("gateway's processor time per frame, honest requests included", "us", (gateway.CpuSeconds - cpuBefore) * 1e6 / frames);
        results.Add("memory added at most", "MB", (most - bytesBefore) / 1e6);
        results.Add("honest requests served meanwhile", "", honest);
        await Campaign.ReportAsync(results, Token);
        (most - bytesBefore).ShouldBeLessThan(BytesMax);
        await gateway.UntilQuietAsync();
        await Eventually.TrueAsync(() => upstream.Connections <= 2, "the attackers' upstream connections are gone");
    }

    /// <summary>Sends the frames of one attacker; a connection that is ended is replaced.</summary>
    private static async Task<(long Frames, int Connections)> AttackAsync(int port, string attack)
    {
        var (frames, connections) = (0L, 0);
        while (frames < FramesEach && connections < FramesEach / FramesPerBatch)
        {
            connections++;
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(Token);
            Http2Attacker? attacker = null;
            var draining = Task.CompletedTask;
            try
            {
                attacker = await Http2Attacker.ConnectAsync(port, FirstSettings(attack), Token);
                if (!attack.EndsWith("unread", StringComparison.Ordinal)) draining = attacker.DrainAsync(patience.Token);
                // Writing blocks for good when the gateway neither reads nor ends: then that is what the attack comes to.
                patience.CancelAfter(TimeSpan.FromSeconds(15));
                var stream = Begin(attacker, attack);
                while (frames + attacker.Frames < FramesEach)
                {
                    for (var i = 0; i < FramesPerBatch; i++) Send(attacker, attack, stream);
                    await attacker.FlushAsync(patience.Token);
                }
            }
            catch (Exception ended) when (ended is IOException or OperationCanceledException && !Token.IsCancellationRequested)
            {
                // The gateway has seen enough.
            }
            finally
            {
                await patience.CancelAsync();
                frames += attacker?.Frames ?? 0;
                if (attacker is not null) await attacker.DisposeAsync();
                await draining;
            }
        }
        return (frames, connections);
    }

    private static byte[] FirstSettings(string attack) => attack switch
    {
        "closed windows" => Http2Attacker.Setting(4, 0),
        "window crumbs" => Http2Attacker.Setting(4, 1),
        _ => [],
    };

    private static int Begin(Http2Attacker attacker, string attack) => attack switch
    {
        "continuations" or "empty continuations" => attacker.Request("/", endHeaders: false),
        "empty data" => attacker.Request("/", post: true, endStream: false),
        "window crumbs" or "window overflow" => attacker.Request("/large"),
        _ => 0,
    };

    private static void Send(Http2Attacker attacker, string attack, int stream)
    {
        switch (attack)
        {
            case "rapid reset":
                attacker.Frame(Http2Attacker.ResetStream, 0, attacker.Request("/"), [0, 0, 0, 8]);
                break;
            case "settings" or "settings unread":
                attacker.Frame(Http2Attacker.Settings, 0, 0, Http2Attacker.Setting(4, 65_535));
                break;
            case "pings" or "pings unread":
                attacker.Frame(Http2Attacker.Ping, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
                break;
            case "continuations":
                attacker.Frame(Http2Attacker.Continuation, 0, stream, [0, 1, (byte)'a', 1, (byte)'b']); // a: b
                break;
            case "empty continuations":
                attacker.Frame(Http2Attacker.Continuation, 0, stream, []);
                break;
            case "empty data":
                attacker.Frame(Http2Attacker.Data, 0, stream, []);
                break;
            case "priorities":
                attacker.Frame(Http2Attacker.Priority, 0, 1001, [0, 0, 0, 3, 16]);
                break;
            case "closed windows":
                attacker.Request("/large");
                break;
            case "window crumbs":
                attacker.Frame(Http2Attacker.WindowUpdate, 0, stream, [0, 0, 0, 1]);
                break;
            case "window overflow":
                attacker.Frame(Http2Attacker.WindowUpdate, 0, 0, [0x7f, 0xff, 0xff, 0xff]);
                break;
        }
    }

    private static HttpClient Client(int port)
    {
        var handler = new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true } };
        return new HttpClient(handler)
        {
            BaseAddress = new Uri($"https://localhost:{port}"),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = TimeSpan.FromSeconds(20),
        };
    }

    private static async Task AskAsync(HttpClient client)
    {
        using var reply = await client.GetAsync(new Uri("/", UriKind.Relative), Token);
        reply.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await reply.Content.ReadAsByteArrayAsync(Token)).Length.ShouldBe(1024);
    }

    private static (string Certificate, string Key) Certificate()
    {
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var signed = new CertificateRequest("CN=localhost", ec, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return (signed.ExportCertificatePem(), ec.ExportPkcs8PrivateKeyPem());
    }
}
