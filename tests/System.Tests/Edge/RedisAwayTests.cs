using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Shouldly;
using SkyRiff.SystemTests.Engines;
using SkyRiff.SystemTests.Kit;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Edge;

/// <summary>Redis dies under load: the product goes on, the limits hold, and all of it recovers by itself.</summary>
public sealed class RedisAwayTests
{
    private const int Burst = 60;
    private const int PerSecond = 30;

    [Fact]
    public async Task Redis_is_killed_under_load_and_nobody_sees_an_error_or_gets_more_than_the_limits_allow()
    {
        await using var site = new ProgramSite(new Dictionary<string, string>
        {
            ["Edge:TrustedProxies:0"] = "127.0.0.1",
            ["Edge:PerAddress:Count"] = PerSecond.ToString(CultureInfo.InvariantCulture),
            ["Edge:PerUser:Count"] = "1000000",
            ["Videos:Feed:CheckInterval"] = "00:00:00.200",
            ["Edge:PerAddress:Burst"] = Burst.ToString(CultureInfo.InvariantCulture),
        });
        await site.StartAsync();
        using var person = await Person.RegisterAsync(site);
        using var client = new EdgeClient(site.Address);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        // The feed's board and what is read through the cache (sessions with every call, the profile), and what is decided by the database alone.
        string[] paths = ["/api/v1/works", "/api/v1/wallet", "/api/v1/users/" + person.Handle];
        var seen = new ConcurrentQueue<(EdgeReply Reply, bool Greedy, long At)>();

        // Four who take all they can from one address, four who keep to themselves.
        var began = Stopwatch.GetTimestamp();
        var load = Enumerable.Range(0, 8).Select(number => Task.Run(async () =>
        {
            var greedy = number < 4;
            using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(greedy ? 2 : 100));
            while (!ended.IsCancellationRequested)
            {
                var reply = await client.GetAsync(paths[number % paths.Length], person.Token, greedy ? "198.51.100.1" : $"198.51.100.{number + 10}");
                seen.Enqueue((reply, greedy, Stopwatch.GetTimestamp()));
                await pause.WaitForNextTickAsync(CancellationToken.None);
            }
        }, CancellationToken.None)).ToArray();

        for (var kill = 0; kill < 3; kill++)
        {
            var before = seen.Count;
            await Eventually.TrueAsync(() => seen.Count > before + 100, "the load went on");
            await EngineSite.RedisAsync(site.Engines, "flushall");
            var redis = await RedisProcessAsync(site);
            using (var killed = Process.GetProcessById(redis)) killed.Kill();
            await Eventually.TrueAsync(async () => await RedisAnswersAsync(site), "the private Redis was started again");
            await Eventually.TrueAsync(async () => (await EngineSite.RedisAsync(site.Engines, "--scan", "--pattern", "limit:*")).Length > 0, "limits are counted in Redis again");
            await Eventually.TrueAsync(async () => (await EngineSite.RedisAsync(site.Engines, "zcard", "{videos:latest}")).Trim() != "0", "the board of the feed was built again");
            await Eventually.TrueAsync(async () => (await EngineSite.RedisAsync(site.Engines, "--scan", "--pattern", "cache:*")).Length > 0, "copies are kept in Redis again");
            var words = $"after kill {kill}";
            (await person.SendAsync(HttpMethod.Patch, "/api/v1/users/me", new { bio = words })).Status.ShouldBe(HttpStatusCode.OK);
            ((string?)(await person.SendAsync(HttpMethod.Get, "/api/v1/users/" + person.Handle)).Json["bio"]).ShouldBe(words);
        }
        await ended.CancelAsync();
        await Task.WhenAll(load);
        var took = Stopwatch.GetElapsedTime(began).TotalSeconds;

        var failed = seen.Where(one => (int)one.Reply.Status >= 500).Select(one => $"{one.Reply.Status} {one.Reply.Code}").ToList();
        failed.ShouldBeEmpty("Redis is never needed for an answer");
        seen.Where(one => !one.Greedy && one.Reply.Status is not HttpStatusCode.OK).Select(one => one.Reply.ToString()).ShouldBeEmpty("who keeps to the limits is served all the time");
        var greedy = seen.Count(one => one is { Greedy: true, Reply.Status: HttpStatusCode.OK });
        seen.Count(one => one.Greedy && one.Reply.IsLimited).ShouldBeGreaterThan(100);
        // Each change between Redis (whose counts died) and the process's own counts may start a bucket anew.
        greedy.ShouldBeLessThanOrEqualTo((int)(took * PerSecond) + (Burst * (1 + (2 * 3))));
    }

    private static async Task<int> RedisProcessAsync(ProgramSite site)
    {
        var info = await EngineSite.RedisAsync(site.Engines, "info", "server");
        return int.Parse(info.Split('\n').Single(line => line.StartsWith("process_id:", StringComparison.Ordinal)).Trim()["process_id:".Length..], CultureInfo.InvariantCulture);
    }

    private static async Task<bool> RedisAnswersAsync(ProgramSite site) => (await EngineSite.RunAsync("redis-cli", "-s", site.Engines.RedisSocketPath, "ping")).Output == "PONG";
}
