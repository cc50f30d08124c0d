using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Gateway;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Discovery;
using SkyRiff.Redis;
using SkyRiff.Services.Tests.Gateway.Decisions;
using SkyRiff.Services.Tests.Gateway.Lean;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Running;

/// <summary>Tokens that are refused before they expire, in every gateway that follows the list.</summary>
public sealed class RevocationTests : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-revocations-").FullName;
    private readonly long _now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _key.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_session_or_a_user_is_refused_everywhere_soon_and_by_a_gateway_that_starts_or_reloads_at_once()
    {
        await using var server = await RedisServerProcess.StartAsync();
        await using var upstream = ScriptedUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        var config = Config(upstream, $"redis://127.0.0.1:{server.Port}");
        var (phone, laptop, other) = (BearerOf("42", "7"), BearerOf("42", "8"), BearerOf("43", "9"));
        await using var one = await RunningEdge.StartAsync(config, Token);
        (await one.StatusesAsync([phone, laptop, other])).ShouldBe([200, 200, 200]);

        var redis = config.Redis;
        (await RevokeAsync(redis, "accounts", session: "7")).Code.ShouldBe(0);
        await Eventually.TrueAsync(async () => (await one.StatusesAsync([phone]))[0] == 401, "the phone is signed out");
        (await one.StatusesAsync([laptop, other])).ShouldBe([200, 200]);

        (await RevokeAsync(redis, "accounts", user: "42")).Code.ShouldBe(0);
        await Eventually.TrueAsync(async () => (await one.StatusesAsync([laptop]))[0] == 401, "the user is signed out everywhere");
        (await one.StatusesAsync([other, BearerOf("42", "10", _now + 20)])).ShouldBe([200, 200], "somebody else, and whoever signed in again");

        await using var late = await RunningEdge.StartAsync(config, Token);
        (await late.StatusesAsync([phone, laptop, other])).ShouldBe([401, 401, 200]);
        await one.Runtime.ApplyAsync(config with { Jwt = config.Jwt! with { CacheMax = 200 } }, Token);
        (await one.StatusesAsync([phone, laptop, other])).ShouldBe([401, 401, 200]);
    }

    [Fact]
    public async Task A_long_list_is_read_page_by_page_in_either_protocol_and_then_only_what_is_new()
    {
        const int Entries = 12_000; // of one moment, which is more than a page
        await using var server = await RedisServerProcess.StartAsync();
        foreach (var onlyResp2 in new[] { false, true })
        {
            await using var redis = RedisClient.Create(new RedisOptions { Endpoints = [new RedisEndpoint("127.0.0.1", server.Port)], OnlyResp2 = onlyResp2 });
            var name = $"long-{onlyResp2}";
            var members = Enumerable.Range(0, Entries).SelectMany(i => new RedisArg[] { 1_800_000_000_000, $"u:user-{i}" });
            using (await redis.CallAsync([.. new RedisArg[] { "ZADD", "gateway:revoked:" + name }, .. members, 1, "neither"], Token))
            {
            }
            var list = new RevocationList(redis, name);
            var revocations = new SkyRiff.Gateway.Decisions.Revocations();
            var cursor = await list.ReadAsync(0, revocations, Token);
            revocations.Count.ShouldBe(Entries);
            cursor.ShouldBe(1_800_000_000_000);

            using (await redis.CallAsync(["ZADD", "gateway:revoked:" + name, 1_800_000_000_500, "s:new"], Token))
            {
            }
            var news = new SkyRiff.Gateway.Decisions.Revocations();
            (await list.ReadAsync(cursor + 10_000, news, Token)).ShouldBe(cursor + 10_000, "nothing is newer");
            news.Count.ShouldBe(0);
            (await list.ReadAsync(cursor + 5_400, news, Token)).ShouldBe(cursor + 5_400);
            news.Count.ShouldBe(1, "what may have become visible late is read again");
        }
    }

    [Fact]
    public async Task A_gateway_whose_Redis_is_away_serves()
    {
        await using var upstream = ScriptedUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using var gateway = await RunningEdge.StartAsync(Config(upstream, "redis://127.0.0.1:1"), Token);
        (await gateway.StatusesAsync([BearerOf("42", "7"), ""])).ShouldBe([200, 401]);
    }

    [Fact]
    public async Task Arguments_that_cannot_be_used_are_named_and_a_Redis_that_is_away_is_said()
    {
        var (code, said) = await RevokeAsync("http://x", "a b", user: "1", session: "2");
        code.ShouldBe(2);
        said.ShouldContain("--redis: ");
        said.ShouldContain("--list: ");
        said.ShouldContain("--user or --session");
        (await RevokeAsync("redis://127.0.0.1:1", "a", user: "")).Said.ShouldContain("1 to 128 letters");
        (await RevokeAsync("redis://127.0.0.1:1", "a")).Code.ShouldBe(2);
        (code, said) = await RevokeAsync("redis://127.0.0.1:1", "a", user: "1");
        code.ShouldBe(1);
        said.ShouldContain("Redis was not told");
    }

    private static async Task<(int Code, string Said)> RevokeAsync(string redis, string list, string? user = null, string? session = null)
    {
        var output = new StringWriter();
        return (await GatewayHost.RevokeAsync(redis, list, user, session, output, NullLoggerFactory.Instance, Token), output.ToString());
    }

    private EdgeConfig Config(ScriptedUpstream upstream, string redis)
    {
        var q = _key.ExportParameters(false).Q;
        var keys = Path.Combine(_folder, "jwks.json");
        File.WriteAllText(keys, $$"""{"keys":[{"kty":"EC","crv":"P-256","kid":"k1","x":"{{System.Buffers.Text.Base64Url.EncodeToString(q.X)}}","y":"{{System.Buffers.Text.Base64Url.EncodeToString(q.Y)}}"}]}""");
        return new EdgeConfig
        {
            Redis = redis,
            Jwt = new JwtConfig("https://issuer", "gateway") { Jwks = keys, Revocations = "accounts" },
            Clusters = [new ClusterConfig("c") { Endpoints = [new(upstream.EndPoint.ToString(), upstream.EndPoint, 1)] }],
            Routes = [new RouteConfig("r") { Cluster = "c", Auth = AuthKind.Required }],
        };
    }

    private string BearerOf(string user, string session, long? issued = null) =>
        $"Authorization: Bearer {Encoding.ASCII.GetString(JwtVerifierTests.Sign(_key, JwtVerifierTests.Header, JwtVerifierTests.Claims(user, issued ?? _now - 5, session)))}\r\n";
}
