using System.Net;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Services.Tests.Gateway.Lean;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Decisions;

public sealed class ForwardedFieldTests
{
    [Theory]
    [InlineData("for=198.51.100.1", "198.51.100.1", false)]
    [InlineData("For=198.51.100.1;Proto=HTTPS;by=10.0.0.1", "198.51.100.1", true)]
    [InlineData("for=\"198.51.100.1:4711\"", "198.51.100.1", false)]
    [InlineData("for=\"[2001:db8::7]:4711\";proto=https", "2001:db8::7", true)]
    [InlineData("for=6.6.6.6;proto=https, for=198.51.100.1;proto=http", "198.51.100.1", false)]   // the right-most that is not ours
    [InlineData("for=6.6.6.6, for=198.51.100.1, for=10.0.0.9;proto=https", "198.51.100.1", false)]
    [InlineData("for=10.0.0.3, for=10.0.0.2", "10.0.0.3", false)]
    [InlineData("for=\"6.6.6.6,for=7.7.7.7\", for=198.51.100.1", "198.51.100.1", false)]          // a comma in quotes divides nothing
    [InlineData("for=198.51.100.1\r\nForwarded: for=198.51.100.2", "198.51.100.2", false)]
    [InlineData("for=unknown", "10.0.0.1", false)]
    [InlineData("for=_hidden;proto=https", "10.0.0.1", false)]
    [InlineData("for=198.51.100.1;for=6.6.6.6", "10.0.0.1", false)]
    [InlineData("for=198.51.100.1:http", "10.0.0.1", false)]
    [InlineData("for=\"2001:db8::7\"", "10.0.0.1", false)]
    [InlineData("for=\"198.51.100.1", "10.0.0.1", false)]
    [InlineData("for=\"198.51.100.\\1\"", "10.0.0.1", false)]
    [InlineData("proto=https", "10.0.0.1", false)]
    [InlineData("garbage", "10.0.0.1", false)]
    public void The_client_is_whom_the_last_trusted_proxy_saw(string field, string expected, bool https)
    {
        var trusted = new[] { AddressRange.TryParse("10.0.0.0/8")!.Value };
        var head = Heads.Get("/", "a", ("Forwarded: " + field).Split("\r\n"));
        ForwardedField.ClientOf(head, PeerAddress.Of(IPAddress.Parse("10.0.0.1").GetAddressBytes()), trusted, out var isHttps).ToString().ShouldBe(expected);
        isHttps.ShouldBe(https);
    }

    [Fact]
    public void A_list_without_end_is_not_followed()
    {
        var trusted = new[] { AddressRange.TryParse("0.0.0.0/0")!.Value };
        var head = Heads.Get("/", "a", "Forwarded: for=6.6.6.6, " + string.Join(", ", Enumerable.Repeat("for=10.0.0.2", 40)));
        ForwardedField.ClientOf(head, PeerAddress.Of([10, 0, 0, 1]), trusted, out _).ToString().ShouldBe("10.0.0.1");
    }

    [Theory]
    [InlineData(false, "198.51.100.1")]
    [InlineData(true, "198.51.100.2")]
    public async Task Only_the_header_that_proxies_write_is_believed(bool isForwarded, string expected)
    {
        var seen = "";
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            seen = (await wire.ReadHeadAsync())!;
            await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            await wire.ReadHeadAsync();
        });
        await using var gateway = new LeanGateway([upstream.EndPoint], edge: e => e with { TrustedProxies = [AddressRange.TryParse("127.0.0.0/8")!.Value], TrustedHeader = isForwarded ? TrustedHeader.Forwarded : TrustedHeader.XForwardedFor });
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.1\r\nForwarded: for=198.51.100.2\r\nX-Deadline-Ms: 60000\r\n\r\n");
        await client.ReadResponseAsync();
        Wire.Header(seen, "X-Forwarded-For").ShouldBe(expected);
        seen.ShouldNotContain("Forwarded: for");
        Wire.Header(seen, "X-Deadline-Ms").ShouldBe("5000");
        seen.Split("X-Deadline-Ms").Length.ShouldBe(2);
    }

    [Fact]
    public async Task A_route_may_take_fewer_addresses_than_the_gateway()
    {
        await using var upstream = ScriptedUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        var (here, elsewhere) = (AddressRange.TryParse("127.0.0.0/8")!.Value, AddressRange.TryParse("10.0.0.0/8")!.Value);
        foreach (var (route, status) in new (Func<RouteConfig, RouteConfig>, int)[]
        {
            (r => r with { Allow = [elsewhere] }, 403),
            (r => r with { Allow = [here] }, 200),
            (r => r with { Allow = [here], Deny = [here] }, 403),
            (r => r with { Deny = [elsewhere] }, 200),
        })
        {
            await using var gateway = new LeanGateway([upstream.EndPoint], route: route);
            using var client = await gateway.ConnectAsync();
            await client.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Head.ShouldStartWith($"HTTP/1.1 {status} ");
        }
    }
}
