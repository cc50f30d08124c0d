using System.Diagnostics;
using System.Net;
using Shouldly;
using SkyRiff.SystemTests.Engines;
using SkyRiff.SystemTests.Kit;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Edge;

/// <summary>The limits of a running program with a real Redis.</summary>
public sealed class EdgeLimitTests
{
    private const string Models = "/api/v1/models";

    private static Dictionary<string, string> PerAddress(int count, int seconds, int burst) => new()
    {
        ["Edge:PerAddress:Count"] = $"{count}",
        ["Edge:PerAddress:Period"] = $"00:00:{seconds:00}",
        ["Edge:PerAddress:Burst"] = $"{burst}",
        ["Edge:RedisWait"] = "00:00:02", // a slow machine must not fall back to local limits in the middle of a count
    };

    [Fact]
    public async Task An_address_gets_its_burst_and_its_rate_and_is_told_how_much_is_left_and_when_to_come_back()
    {
        await using var site = new ProgramSite(PerAddress(count: 20, seconds: 1, burst: 40));
        await site.StartAsync();
        using var client = new EdgeClient(site.Address);

        var began = Stopwatch.GetTimestamp();
        var first = await client.GetAsync(Models);
        (first.Status, first.Policy, first.Of("address", 'r')).ShouldBe((HttpStatusCode.OK, "\"address\";q=40;w=2", 39));
        var replies = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => client.GetAsync(Models)));
        var took = Stopwatch.GetElapsedTime(began).TotalSeconds;

        var allowed = 1 + replies.Count(reply => reply.Status is HttpStatusCode.OK);
        allowed.ShouldBeInRange(40, 40 + (int)Math.Ceiling(took * 20) + 1);
        foreach (var refused in replies.Where(reply => reply.Status is not HttpStatusCode.OK))
        {
            (refused.Status, refused.Code, refused.RetryAfter, refused.Of("address", 'r')).ShouldBe((HttpStatusCode.TooManyRequests, "request.rate_limited", 1, 0));
        }

        // What Retry-After promised: a second later there is room again, and for no more than the second gained.
        var refusedAt = Stopwatch.GetTimestamp();
        await Eventually.TrueAsync(() => Stopwatch.GetElapsedTime(refusedAt) >= TimeSpan.FromSeconds(1), "a second passed");
        (await client.GetAsync(Models)).Status.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Probes_have_no_limit_and_files_have_their_own()
    {
        await using var site = new ProgramSite(PerAddress(count: 1, seconds: 50, burst: 1));
        await site.StartAsync();
        using var client = new EdgeClient(site.Address);
        (await client.GetAsync(Models)).Status.ShouldBe(HttpStatusCode.OK);
        (await client.GetAsync(Models)).IsLimited.ShouldBeTrue();

        for (var i = 0; i < 20; i++)
        {
            var probe = await client.GetAsync("/health/ready");
            (probe.Status, probe.Policy).ShouldBe((HttpStatusCode.OK, null));
            (await client.GetAsync("/media/clips/1/none.mp4")).Status.ShouldBe(HttpStatusCode.NotFound);
        }
        (await client.GetAsync("/api/v1/no-such-path")).IsLimited.ShouldBeTrue("a path that is nothing is a call like any other");
    }

    [Fact]
    public async Task A_forged_header_frees_nobody_and_a_trusted_proxy_tells_clients_apart()
    {
        var strict = PerAddress(count: 1, seconds: 50, burst: 3);
        await using (var site = new ProgramSite(strict))
        {
            await site.StartAsync();
            using var client = new EdgeClient(site.Address);
            var replies = new List<EdgeReply>();
            for (var i = 0; i < 10; i++) replies.Add(await client.GetAsync(Models, forwardedFor: $"198.51.100.{i}"));
            replies.Count(reply => !reply.IsLimited).ShouldBe(3, "the header of a peer that is no trusted proxy is not believed");
        }

        strict["Edge:TrustedProxies:0"] = "127.0.0.0/8";
        await using (var site = new ProgramSite(strict))
        {
            await site.StartAsync();
            using var client = new EdgeClient(site.Address);
            for (var person = 0; person < 3; person++)
            {
                var replies = new List<EdgeReply>();
                for (var i = 0; i < 5; i++) replies.Add(await client.GetAsync(Models, forwardedFor: $"203.0.113.{i}, 198.51.100.{person}"));
                replies.Select(reply => reply.IsLimited).ShouldBe([false, false, false, true, true], $"client {person}, whatever it put to the left");
            }
        }
    }

    [Fact]
    public async Task A_user_has_one_budget_from_every_address_and_a_stranger_cannot_use_it_up()
    {
        await using var site = new ProgramSite(new Dictionary<string, string> { ["Edge:RedisWait"] = "00:00:02", ["Edge:PerUser:Count"] = "12", ["Edge:TrustedProxies:0"] = "127.0.0.1" });
        await site.StartAsync();
        using var person = await Person.RegisterAsync(site);
        using var client = new EdgeClient(site.Address);

        for (var i = 0; i < 30; i++) (await client.GetAsync("/api/v1/wallet", token: person.Token[..^8] + "AAAAAAAA")).Status.ShouldBe(HttpStatusCode.Unauthorized);
        var replies = new List<EdgeReply>();
        for (var i = 0; i < 15; i++) replies.Add(await client.GetAsync("/api/v1/wallet", person.Token, $"198.51.100.{i}"));

        replies.Count(reply => reply.Status is HttpStatusCode.OK).ShouldBe(12);
        replies[0].Policy.ShouldBe("\"address\";q=100000;w=1, \"user\";q=12;w=60");
        replies[0].Of("user", 'r').ShouldBe(11);
        replies[^1].Code.ShouldBe("request.rate_limited");
        replies[^1].RetryAfter.ShouldNotBeNull().ShouldBeInRange(1, 120);
        (await client.GetAsync(Models)).Status.ShouldBe(HttpStatusCode.OK, "without the token it is only an address");
    }

    [Fact]
    public async Task Registrations_have_a_limit_of_their_own()
    {
        await using var site = new ProgramSite(new Dictionary<string, string> { ["Edge:RedisWait"] = "00:00:02", ["Edge:RegistrationsPerAddress:Burst"] = "2", ["Edge:RegistrationsPerAddress:Count"] = "1" });
        await site.StartAsync();
        using var first = await Person.RegisterAsync(site);
        using var second = await Person.RegisterAsync(site);
        var refused = await Should.ThrowAsync<InvalidOperationException>(() => Person.RegisterAsync(site));
        refused.Message.ShouldContain("request.rate_limited");
        (await first.SendAsync(HttpMethod.Get, "/api/v1/wallet")).Status.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Two_processes_share_the_limits_and_every_key_of_them_ends_by_itself()
    {
        await using var site = new ProgramSite(PerAddress(count: 10, seconds: 59, burst: 50));
        await site.StartAsync();
        var second = await site.StartBesideAsync("second", [KeyValuePair.Create("App:Role", "api")]);
        using var one = new EdgeClient(site.Address);
        using var other = new EdgeClient(second.Address);
        using var person = await Person.RegisterAsync(site);

        var replies = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => (i % 2 == 0 ? one : other).GetAsync("/api/v1/wallet", person.Token)));
        replies.Count(reply => reply.Status is HttpStatusCode.OK).ShouldBeInRange(49, 50, "one call was the registration; ten more come in a minute");

        var keys = (await EngineSite.RedisAsync(site.Engines, "--scan", "--pattern", "limit:*")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        keys.Length.ShouldBeGreaterThanOrEqualTo(2, "the address and the user are counted in Redis");
        (await EngineSite.RedisAsync(site.Engines, "eval", EndlessKeys, "0")).ShouldBeEmpty("a limit's key without a lifetime would be kept for ever");
    }

    /// <summary>Keys of limits, leases and the cache that never expire; the board of the latest feed is one key of bounded size, and stays.</summary>
    private const string EndlessKeys = """
        local endless = {}
        for _, key in ipairs(redis.call('KEYS', '*')) do
          if redis.call('PTTL', key) == -1 and key ~= '{videos:latest}' then endless[#endless + 1] = key end
        end
        return endless
        """;
}
