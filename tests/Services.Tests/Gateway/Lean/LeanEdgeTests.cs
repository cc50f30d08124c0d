using System.Net;
using System.Security.Cryptography;
using System.Text;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Services.Tests.Gateway.Decisions;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Lean;

/// <summary>Decisions as a client sees them, through sockets.</summary>
public sealed class LeanEdgeTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    [Fact]
    public async Task A_limit_answers_429_with_when_to_come_back()
    {
        await using var upstream = ScriptedUpstream.Answering(Ok);
        await using var gateway = new LeanGateway([upstream.EndPoint], edge: e => e with
        {
            Limits = [new LimitConfig("per-address") { Count = 1, Period = TimeSpan.FromHours(1), Burst = 2, Everywhere = true }],
        });
        using var client = await gateway.ConnectAsync();
        var heads = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            await client.WriteAsync(Get);
            heads.Add((await client.ReadResponseAsync()).Head);
        }
        heads.Select(h => h.Split(' ')[1]).ShouldBe(["200", "200", "429"]);
        Wire.Header(heads[0], "RateLimit")!.ShouldStartWith("\"per-address\";r=1");
        Wire.Header(heads[0], "RateLimit-Policy").ShouldBe("\"per-address\";q=2;w=3600");
        int.Parse(Wire.Header(heads[2], "Retry-After")!).ShouldBeInRange(3500, 3600);
    }

    [Fact]
    public async Task Identity_comes_from_the_token_and_never_from_the_client()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var heads = new List<string>();
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is { } head)
            {
                heads.Add(head);
                await wire.WriteAsync(Ok);
            }
        });
        await using var gateway = new LeanGateway([upstream.EndPoint], route: r => r with { Auth = AuthKind.Required }, edge: e => e with
        {
            Jwt = new JwtConfig("i", "a"),
            ApiKeys = [new ApiKeyConfig("robot", SHA256.HashData("secret"u8))],
        });
        gateway.Front.Snapshot.Jwt!.Keys = JwtVerifierTests.KeysOf("k", key);
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var token = Encoding.ASCII.GetString(JwtVerifierTests.Sign(key, """{"alg":"ES256","kid":"k"}""", $$"""{"sub":"7","iss":"i","aud":"a","exp":{{now + 60}},"iat":{{now}}}"""));
        using var client = await gateway.ConnectAsync();

        foreach (var (fields, status) in new[]
        {
            ("", 401), ("Authorization: Bearer x.y.z\r\n", 401), ("Authorization: Basic YTpi\r\n", 401), ("X-Api-Key: wrong\r\n", 401),
            ($"Authorization: Bearer {token}\r\nX-User-Id: 1\r\n", 200), ("X-Api-Key: secret\r\nx-user-id: 1\r\n", 200),
        })
        {
            await client.WriteAsync($"GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            var (head, _) = await client.ReadResponseAsync();
            head.ShouldStartWith($"HTTP/1.1 {status} ", customMessage: fields);
            if (status == 401) head.ShouldContain("WWW-Authenticate: Bearer\r\n");
        }
        heads.Select(h => Wire.Header(h, "X-User-Id")).ShouldBe(["7", "robot"]);
        heads.ShouldAllBe(h => h.Split("X-User-Id", StringSplitOptions.None).Length == 2 && !h.Contains("x-user-id", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Headers_query_and_path_are_transformed_both_ways()
    {
        var seen = "";
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            seen = (await wire.ReadHeadAsync())!;
            await wire.WriteAsync("HTTP/1.1 200 OK\r\nServer: secret/1.0\r\nX-Old: 1\r\nContent-Length: 2\r\n\r\nok");
            await wire.ReadHeadAsync();
        });
        var template = PathTemplate.TryParse("/works/{id}/*")!;
        await using var gateway = new LeanGateway([upstream.EndPoint], route: r => r with
        {
            Path = template,
            Rewrite = PathRewrite.TryParse("/v2/{id}/*", template),
            RequestHeaders = new([new("X-Client", "{client_ip} via {route}")], [], ["X-Drop"]),
            ResponseHeaders = new([new("X-Old", "2")], [new("X-New", "3")], ["Server"]),
            QueryParameters = new([new("key", "1")], ["debug"]),
        });
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync("GET /works/7/a?debug=1&x=y&key=0 HTTP/1.1\r\nHost: a\r\nX-Drop: 1\r\nx-client: forged\r\n\r\n");
        var (head, _) = await client.ReadResponseAsync();
        seen.ShouldStartWith("GET /v2/7/a?x=y&key=1 HTTP/1.1\r\n");
        seen.ShouldContain("X-Client: 127.0.0.1 via r\r\n");
        seen.ShouldNotContain("X-Drop");
        seen.ShouldNotContain("forged");
        head.ShouldContain("X-Old: 2\r\nX-New: 3\r\n");
        head.ShouldNotContain("secret");
    }

    [Fact]
    public async Task A_sticky_client_comes_back_to_the_same_target()
    {
        await using var one = ScriptedUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
        await using var two = ScriptedUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2");
        await using var gateway = new LeanGateway([one.EndPoint, two.EndPoint], route: r => r with { StickyCookie = "srv" });
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync(Get);
        var (head, first) = await client.ReadResponseAsync();
        var cookie = Wire.Header(head, "Set-Cookie")!.Split(';')[0];
        for (var i = 0; i < 5; i++)
        {
            await client.WriteAsync($"GET / HTTP/1.1\r\nHost: a\r\nCookie: x=y; {cookie}\r\n\r\n");
            var (again, body) = await client.ReadResponseAsync();
            body.ShouldBe(first);
            Wire.Header(again, "Set-Cookie").ShouldBeNull();
        }
    }

    [Fact]
    public async Task The_breaker_opens_and_the_retries_stay_in_their_budget()
    {
        var calls = 0;
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is not null)
            {
                Interlocked.Increment(ref calls);
                await wire.WriteAsync("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
            }
        });
        await using var gateway = new LeanGateway([upstream.EndPoint], cluster: c => LeanGateway.NeverOpen(c) with { RetriesMax = 2, RetryBudget = new() { Ratio = 0.1, ReserveMax = 3 } });
        using var client = await gateway.ConnectAsync();
        for (var i = 0; i < 50; i++)
        {
            await client.WriteAsync(Get);
            (await client.ReadResponseAsync()).Head.ShouldStartWith("HTTP/1.1 503 ");
        }
        calls.ShouldBeInRange(51, 50 + 3 + 5);

        await using var guarded = new LeanGateway([upstream.EndPoint], cluster: c => c with { RetriesMax = 0 });
        using var other = await guarded.ConnectAsync();
        var bodies = new List<string>();
        for (var i = 0; i < 12; i++)
        {
            await other.WriteAsync(Get);
            bodies.Add((await other.ReadResponseAsync()).Body);
        }
        bodies.Count(b => b.Contains("gateway.circuit_open", StringComparison.Ordinal)).ShouldBe(2);
    }

    [Fact]
    public async Task One_dead_target_of_three_costs_no_request()
    {
        await using var one = ScriptedUpstream.Answering(Ok);
        await using var two = ScriptedUpstream.Answering(Ok);
        using var dead = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        dead.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await using var gateway = new LeanGateway([one.EndPoint, two.EndPoint, (IPEndPoint)dead.LocalEndPoint!]);
        using var client = await gateway.ConnectAsync();
        for (var i = 0; i < 300; i++)
        {
            await client.WriteAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
            (await client.ReadResponseAsync()).Head.ShouldStartWith("HTTP/1.1 200 ");
        }
        gateway.Counters.ConnectFailures.ShouldBeLessThanOrEqualTo(6); // ejected after five in a row
    }

    [Fact]
    public async Task Two_hundred_reloads_under_load_fail_no_request()
    {
        await using var one = ScriptedUpstream.Answering(Ok);
        await using var two = ScriptedUpstream.Answering(Ok);
        await using var gateway = new LeanGateway([one.EndPoint]);
        using var stopping = new CancellationTokenSource();
        var clients = Enumerable.Range(0, 4).Select(async _ =>
        {
            using var client = await gateway.ConnectAsync();
            var count = 0;
            while (!stopping.IsCancellationRequested)
            {
                await client.WriteAsync(Get);
                (await client.ReadResponseAsync()).Head.ShouldStartWith("HTTP/1.1 200 ");
                count++;
            }
            return count;
        }).ToList();
        for (var i = 0; i < 200; i++)
        {
            gateway.Front.Snapshot = LeanGateway.Compile(i % 2 == 0 ? [two.EndPoint] : [one.EndPoint, two.EndPoint], before: gateway.Front.Snapshot);
            var served = gateway.Counters.Requests;
            await gateway.UntilAsync(c => c.Requests > served + 4 || clients.Exists(client => client.IsFaulted), "requests go on after a reload");
            if (clients.Find(client => client.IsFaulted) is { } failed) await failed;
        }
        await stopping.CancelAsync();
        (await Task.WhenAll(clients)).Sum().ShouldBeGreaterThan(800);
        gateway.Counters.UpstreamFaults.ShouldBe(0);
    }

    [Fact]
    public async Task A_proxy_header_tells_the_client_and_its_absence_closes()
    {
        var seen = "";
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            seen = (await wire.ReadHeadAsync())!;
            await wire.WriteAsync(Ok);
            await wire.ReadHeadAsync();
        });
        await using var gateway = new LeanGateway([upstream.EndPoint], options => options with { ProxyProtocol = true });
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync(Convert.FromHexString("0D0A0D0A000D0A515549540A2111000CCB007107"));
        await client.WriteAsync(Convert.FromHexString("0506070800500050").AsMemory());
        await client.WriteAsync(Get);
        await client.ReadResponseAsync();
        seen.ShouldContain("X-Forwarded-For: 203.0.113.7\r\n");

        using var bare = await gateway.ConnectAsync();
        await bare.WriteAsync(Get);
        (await bare.ReadToEndAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Maintenance_and_denied_addresses_are_answered_at_the_edge()
    {
        await using var upstream = ScriptedUpstream.Answering(Ok);
        foreach (var (edge, status) in new (Func<EdgeConfig, EdgeConfig>, int)[]
        {
            (e => e with { Maintenance = TimeSpan.FromMinutes(1) }, 503),
            (e => e with { Deny = [AddressRange.TryParse("127.0.0.0/8")!.Value] }, 403),
            (e => e with { Allow = [AddressRange.TryParse("10.0.0.0/8")!.Value] }, 403),
            (e => e with { Allow = [AddressRange.TryParse("127.0.0.1")!.Value] }, 200),
        })
        {
            await using var gateway = new LeanGateway([upstream.EndPoint], edge: edge);
            using var client = await gateway.ConnectAsync();
            await client.WriteAsync(Get);
            (await client.ReadResponseAsync()).Head.ShouldStartWith($"HTTP/1.1 {status} ");
        }
    }

    [Fact]
    public async Task A_preflight_is_answered_here_and_only_named_origins_may_read()
    {
        var forwarded = 0;
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is not null)
            {
                Interlocked.Increment(ref forwarded);
                await wire.WriteAsync("HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 2\r\n\r\nok");
            }
        });
        await using var gateway = new LeanGateway([upstream.EndPoint], route: r => r with
        {
            Cors = new CorsConfig { Origins = ["https://app.example"], Methods = ["GET", "PUT"], Headers = ["Content-Type"], Credentials = true },
        });
        using var client = await gateway.ConnectAsync();

        await client.WriteAsync("OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n");
        var preflight = (await client.ReadHeadAsync())!;
        preflight.ShouldStartWith("HTTP/1.1 204 ");
        preflight.ShouldContain("Access-Control-Allow-Origin: https://app.example\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Methods: GET, PUT\r\nAccess-Control-Allow-Headers: Content-Type\r\n");
        forwarded.ShouldBe(0);

        foreach (var (origin, allowed) in new[] { ("https://app.example", true), ("https://evil.example", false), ("https://app.example.evil", false), ("null", false) })
        {
            await client.WriteAsync($"GET / HTTP/1.1\r\nHost: a\r\nOrigin: {origin}\r\n\r\n");
            var (head, _) = await client.ReadResponseAsync();
            Wire.Header(head, "Access-Control-Allow-Origin").ShouldBe(allowed ? origin : null);
            Wire.Header(head, "Vary").ShouldBe("Origin");
        }
    }
}
