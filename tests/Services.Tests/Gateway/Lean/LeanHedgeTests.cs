using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Lean;

/// <summary>The second request of a slow one: who wins, who is freed, and what it may cost.</summary>
public sealed class LeanHedgeTests
{
    private const string Get = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    private static readonly HedgeConfig Soon = new() { After = TimeSpan.FromMilliseconds(20) };

    [Fact]
    public async Task The_second_target_answers_and_the_first_is_freed_at_once()
    {
        var freed = new TaskCompletionSource();
        await using var slow = Hanging(freed);
        await using var quick = ScriptedUpstream.Answering(Answer("quick"));
        await using var gateway = Gateway(slow, quick);
        using var client = await gateway.ConnectAsync();

        await client.WriteAsync("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        (await client.ReadResponseAsync()).Body.ShouldBe("quick");
        await freed.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);

        var snapshot = gateway.Front.Snapshot;
        snapshot.Routes[0].Hedging!.ShouldSatisfyAllConditions(h => h.Sent.ShouldBe(1), h => h.Won.ShouldBe(1));
        snapshot.Clusters["c"].Targets.ShouldAllBe(t => t.Endpoint.InFlight == 0);
        snapshot.Clusters["c"].Budget.Available.ShouldBe(9);
        await gateway.UntilAsync(c => c.UpstreamsOpen == 1, "only the winner's connection is kept");
    }

    [Fact]
    public async Task The_first_target_answers_late_and_the_second_is_freed()
    {
        var (freed, asked) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var first = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is not null)
            {
                await asked.Task;
                await wire.WriteAsync(Answer("first"));
            }
        });
        await using var second = Hanging(freed, asked);
        await using var gateway = Gateway(first, second);
        using var client = await gateway.ConnectAsync();

        await client.WriteAsync(Get);
        (await client.ReadResponseAsync()).Body.ShouldBe("first");
        await freed.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        gateway.Front.Snapshot.Routes[0].Hedging!.Won.ShouldBe(0);
        gateway.Front.Snapshot.Clusters["c"].Targets.ShouldAllBe(t => t.Endpoint.InFlight == 0);
        await client.WriteAsync(Get); // the connection lives
        (await client.ReadResponseAsync()).Body.ShouldBe("first");
    }

    [Theory]
    [InlineData("HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno")]
    [InlineData("nonsense\r\n\r\n")]
    [InlineData("")]
    public async Task A_second_target_that_fails_leaves_the_race_to_the_first(string failure)
    {
        var failed = new TaskCompletionSource();
        await using var first = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is not null)
            {
                await failed.Task;
                await wire.WriteAsync(Answer("first"));
            }
        });
        await using var second = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            if (failure.Length > 0) await wire.WriteAsync(failure);
            else wire.Reset();
            failed.TrySetResult();
        });
        await using var gateway = Gateway(first, second);
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync(Get);
        var (head, body) = await client.ReadResponseAsync();
        head.ShouldStartWith("HTTP/1.1 200 ");
        body.ShouldBe("first");
        gateway.Front.Snapshot.Clusters["c"].Targets.ShouldAllBe(t => t.Endpoint.InFlight == 0);
    }

    [Fact]
    public async Task A_first_target_that_breaks_off_leaves_the_race_to_the_second()
    {
        var broken = new TaskCompletionSource();
        await using var second = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is not null)
            {
                await broken.Task;
                await wire.WriteAsync(Answer("second"));
            }
        });
        await using var first = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await EventuallyAsync(() => second.Accepted > 0);
            wire.Reset();
            broken.TrySetResult();
        });
        await using var gateway = Gateway(first, second);
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync(Get);
        (await client.ReadResponseAsync()).Body.ShouldBe("second");
        gateway.Front.Snapshot.Clusters["c"].Targets.ShouldAllBe(t => t.Endpoint.InFlight == 0);
    }

    [Fact]
    public async Task A_client_that_leaves_frees_both()
    {
        var (one, two) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var first = Hanging(one);
        await using var second = Hanging(two);
        await using var gateway = Gateway(first, second);
        using (var client = await gateway.ConnectAsync())
        {
            await client.WriteAsync(Get);
            await gateway.UntilAsync(c => c.Hedges == 1, "a second request was sent");
        }
        await Task.WhenAll(one.Task, two.Task).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        await gateway.UntilAsync(c => c is { InFlight: 0, UpstreamsOpen: 0 }, "nothing is held any more");
        gateway.Front.Snapshot.Clusters["c"].Targets.ShouldAllBe(t => t.Endpoint.InFlight == 0);
    }

    [Fact]
    public async Task When_neither_answers_the_time_limit_ends_both()
    {
        var (one, two) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var first = Hanging(one);
        await using var second = Hanging(two);
        await using var gateway = Gateway(first, second, r => r with { Timeout = TimeSpan.FromMilliseconds(300) });
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync(Get);
        (await client.ReadResponseAsync()).Head.ShouldStartWith("HTTP/1.1 504 ");
        await Task.WhenAll(one.Task, two.Task).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        gateway.Front.Snapshot.Clusters["c"].Targets.ShouldAllBe(t => t.Endpoint.InFlight == 0);
    }

    [Theory]
    [InlineData("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", 10)]
    [InlineData(Get, 0)]
    public async Task What_must_not_run_twice_and_what_the_budget_does_not_pay_for_is_sent_once(string request, int reserve)
    {
        await using var one = Hanging(new TaskCompletionSource());
        await using var two = Hanging(new TaskCompletionSource());
        await using var gateway = Gateway(one, two, r => r with { Timeout = TimeSpan.FromMilliseconds(300) }, c => c with { RetryBudget = new() { ReserveMax = reserve, Ratio = 0 } });
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync(request);
        (await client.ReadResponseAsync()).Head.ShouldStartWith("HTTP/1.1 504 ");
        (one.Accepted + two.Accepted).ShouldBe(1);
    }

    [Fact]
    public void The_wait_is_the_percentile_of_what_requests_take_once_there_are_enough()
    {
        var hedging = new Hedging(new HedgeConfig { Percentile = 0.9, After = TimeSpan.FromMilliseconds(77) });
        for (var i = 0; i < 99; i++) hedging.Answered(1_000_000);
        hedging.Delay.ShouldBe(TimeSpan.FromMilliseconds(77));
        for (var i = 1; i <= 10_000; i++) hedging.Answered(i * 10_000L); // 10 us to 100 ms, evenly
        hedging.Delay.TotalMilliseconds.ShouldBeInRange(78, 115);
    }

    private static async Task EventuallyAsync(Func<bool> condition)
    {
        while (!condition()) await Task.Yield();
    }

    private static string Answer(string body) => $"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}";

    private static ScriptedUpstream Hanging(TaskCompletionSource freed, TaskCompletionSource? asked = null) => new(async (wire, _) =>
    {
        await wire.ReadHeadAsync();
        asked?.TrySetResult();
        await wire.ReadToEndAsync();
        freed.TrySetResult();
    });

    /// <summary>Round robin begins with the target whose name comes first.</summary>
    private static LeanGateway Gateway(ScriptedUpstream first, ScriptedUpstream second, Func<RouteConfig, RouteConfig>? route = null, Func<ClusterConfig, ClusterConfig>? cluster = null) =>
        new([first.EndPoint, second.EndPoint],
            route: r => (route?.Invoke(r) ?? r) with { Hedge = Soon },
            cluster: c => (cluster?.Invoke(c) ?? c) with { RetriesMax = 0, Endpoints = [new("1", first.EndPoint, 1), new("2", second.EndPoint, 1)] });
}
