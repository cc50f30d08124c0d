using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Services.Tests.Gateway.Lean;
using SkyRiff.Services.Tests.Gateway.ResponseCache;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Hedges;

/// <summary>The second request of a slow one: who wins, who is freed, and what it may cost.</summary>
public sealed class HedgeTests
{
    private const int RetryBudget = 10;
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("lean", "Content-Length: 5\r\n\r\nhello")]
    [InlineData("kestrel", "Content-Length: 5\r\n\r\nhello")]
    [InlineData("lean", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("kestrel", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")]
    public async Task The_second_target_answers_and_the_first_is_freed_at_once(string front, string framedBody)
    {
        var (freed, copy) = (new TaskCompletionSource(), "");
        await using var slow = Hanging(freed);
        await using var quick = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is { } head)
            {
                copy = await wire.ReadBodyAsync(head);
                await wire.WriteAsync(Answer("quick"));
            }
        });
        await using var gateway = await StartAsync(front, slow, quick);
        using var client = await gateway.ConnectAsync();

        await client.WriteAsync("PUT /x HTTP/1.1\r\nHost: a\r\n" + framedBody);
        await UntilHedgedAsync(gateway);
        (await client.ReadResponseAsync()).Body.ShouldBe("quick");
        await freed.Task.WaitAsync(Patience, Token);

        copy.ShouldBe(framedBody[(framedBody.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]);
        await UntilQuietAsync(gateway);
        Hedging(gateway).ShouldSatisfyAllConditions(h => h.Sent.ShouldBe(1), h => h.Won.ShouldBe(1));
        gateway.Snapshot.Clusters["c"].Budget.Available.ShouldBe(RetryBudget - 1);
        Target(gateway, slow).Endpoint.Latency(gateway.Clock.Now).ShouldBe(0, "who was dropped did not fail");
        await client.WriteAsync("GET /x HTTP/1.1\r\nHost: a\r\n\r\n"); // round robin: the slow one is first again, and the winner is asked over the connection that was kept
        await UntilHedgedAsync(gateway, times: 2);
        (await client.ReadResponseAsync()).Body.ShouldBe("quick");
        quick.Accepted.ShouldBe(1);
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task The_first_target_answers_late_and_the_second_is_freed(string front)
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
        await using var gateway = await StartAsync(front, first, second);
        var asking = gateway.AskAsync("GET /x");
        await UntilHedgedAsync(gateway);
        (await asking).Body.ShouldBe("first");
        await freed.Task.WaitAsync(Patience, Token);
        await UntilQuietAsync(gateway);
        Hedging(gateway).Won.ShouldBe(0);
        Target(gateway, second).Endpoint.Latency(gateway.Clock.Now).ShouldBe(0, "who was dropped did not fail");
    }

    [Theory]
    [InlineData("lean", "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno")]
    [InlineData("lean", "nonsense\r\n\r\n")]
    [InlineData("lean", "")]
    [InlineData("kestrel", "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno")]
    [InlineData("kestrel", "nonsense\r\n\r\n")]
    [InlineData("kestrel", "")]
    public async Task A_second_target_that_fails_leaves_the_race_to_the_first(string front, string failure)
    {
        var failed = new TaskCompletionSource();
        await using var first = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await failed.Task;
            await wire.WriteAsync(Answer("first"));
            await wire.ReadToEndAsync();
        });
        await using var second = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            if (failure.Length > 0) await wire.WriteAsync(failure);
            else wire.Reset();
        });
        await using var gateway = await StartAsync(front, first, second);
        var asking = gateway.AskAsync("GET /x");
        await UntilHedgedAsync(gateway);
        await Eventually.TrueAsync(() => Target(gateway, second).Endpoint is { InFlight: 0 } e && e.Latency(gateway.Clock.Now) > 0, "the second target counts as failed");
        failed.SetResult();
        var (head, body) = await asking;
        head.ShouldStartWith("HTTP/1.1 200 ");
        body.ShouldBe("first");
        await UntilQuietAsync(gateway);
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task A_first_target_that_breaks_off_leaves_the_race_to_the_second(string front)
    {
        var (mayBreak, mayAnswer) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var first = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await mayBreak.Task;
            wire.Reset();
        });
        await using var second = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await mayAnswer.Task;
            await wire.WriteAsync(Answer("second"));
            await wire.ReadToEndAsync();
        });
        await using var gateway = await StartAsync(front, first, second);
        var asking = gateway.AskAsync("GET /x");
        await UntilHedgedAsync(gateway);
        await Eventually.TrueAsync(() => second.Accepted > 0, "the second was asked");
        mayBreak.SetResult();
        await Eventually.TrueAsync(() => Target(gateway, first).Endpoint is { InFlight: 0 } e && e.Latency(gateway.Clock.Now) > 0, "the first target counts as failed");
        mayAnswer.SetResult();
        (await asking).Body.ShouldBe("second");
        await UntilQuietAsync(gateway);
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task A_client_that_leaves_frees_both_and_blames_nobody(string front)
    {
        var (one, two) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var first = Hanging(one);
        await using var second = Hanging(two);
        await using var gateway = await StartAsync(front, first, second);
        using (var client = await gateway.ConnectAsync())
        {
            await client.WriteAsync("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
            await UntilHedgedAsync(gateway);
        }
        await Task.WhenAll(one.Task, two.Task).WaitAsync(Patience, Token);
        await UntilQuietAsync(gateway);
        gateway.Snapshot.Clusters["c"].Targets.ShouldAllBe(t => t.Endpoint.Latency(gateway.Clock.Now) == 0);
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task When_neither_answers_the_time_limit_ends_both(string front)
    {
        var (one, two) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var first = Hanging(one);
        await using var second = Hanging(two);
        await using var gateway = await StartAsync(front, first, second, r => r with { Timeout = TimeSpan.FromMilliseconds(300) });
        var asking = gateway.AskAsync("GET /x");
        await UntilAsync(gateway, () => asking.IsCompleted, "the time was over");
        (await asking).Head.ShouldStartWith("HTTP/1.1 504 ");
        Hedging(gateway).Sent.ShouldBe(1);
        await Task.WhenAll(one.Task, two.Task).WaitAsync(Patience, Token);
        await UntilQuietAsync(gateway);
        Target(gateway, first).Endpoint.Latency(gateway.Clock.Now).ShouldBeGreaterThan(0);
        Target(gateway, second).Endpoint.Latency(gateway.Clock.Now).ShouldBe(0, "it was asked a moment ago");
    }

    [Theory]
    [InlineData("lean", "POST", 2, RetryBudget)]
    [InlineData("lean", "PUT", 20_000, RetryBudget)]
    [InlineData("lean", "PUT", 2, 0)]
    [InlineData("kestrel", "POST", 2, RetryBudget)]
    [InlineData("kestrel", "PUT", 20_000, RetryBudget)]
    [InlineData("kestrel", "PUT", 2, 0)]
    public async Task What_must_not_run_twice_or_is_not_held_or_not_paid_for_is_sent_once(string front, string method, int bodyBytes, int reserve)
    {
        await using var one = Hanging(new TaskCompletionSource());
        await using var two = Hanging(new TaskCompletionSource());
        await using var gateway = await StartAsync(front, one, two, r => r with { Timeout = TimeSpan.FromMilliseconds(300) }, reserve);
        using var client = await gateway.ConnectAsync();
        await client.WriteAsync($"{method} /x HTTP/1.1\r\nHost: a\r\nContent-Length: {bodyBytes}\r\n\r\n{new string('b', bodyBytes)}");
        var answering = client.ReadHeadAsync();
        await UntilAsync(gateway, () => answering.IsCompleted, "the time was over");
        (await answering)!.ShouldStartWith("HTTP/1.1 504 ");
        (one.Accepted + two.Accepted).ShouldBe(1);
        Hedging(gateway).Sent.ShouldBe(0);
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

    [Theory]
    [InlineData("lean", false)]
    [InlineData("lean", true)]
    [InlineData("kestrel", false)]
    [InlineData("kestrel", true)]
    public async Task Every_answer_teaches_the_percentile(string front, bool isCached)
    {
        await using var one = ScriptedUpstream.Answering(Answer("ok"));
        await using var two = ScriptedUpstream.Answering(Answer("ok"));
        await using var gateway = await StartAsync(front, one, two, r => r with
        {
            Hedge = new HedgeConfig { Percentile = 0.5, After = TimeSpan.FromMinutes(1) },
            Cache = isCached ? new CacheConfig() : null,
        });
        using var client = await gateway.ConnectAsync();
        for (var i = 0; i < 100; i++)
        {
            await client.WriteAsync($"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n");
            await client.ReadResponseAsync();
        }
        Hedging(gateway).Delay.ShouldBeLessThan(TimeSpan.FromMinutes(1));
    }

    private static Hedging Hedging(BothFronts gateway) => gateway.Snapshot.Routes[0].Hedging!;

    private static Target Target(BothFronts gateway, ScriptedUpstream upstream) => gateway.Snapshot.Clusters["c"].Targets.Single(t => t.Address.Equals(upstream.EndPoint));

    private static Task UntilAsync(BothFronts gateway, Func<bool> condition, string what) => Eventually.TrueAsync(
        () =>
        {
            if (condition()) return true;
            gateway.Time.Advance(Step);
            return false;
        },
        what);

    private static Task UntilHedgedAsync(BothFronts gateway, int times = 1) =>
        UntilAsync(gateway, () => Hedging(gateway).Sent >= times, "a second target was asked");

    private static Task UntilQuietAsync(BothFronts gateway) =>
        Eventually.TrueAsync(() => gateway.Snapshot.Clusters["c"] is var c && c.State.InFlight == 0 && c.Targets.All(t => t.Endpoint.InFlight == 0), "nothing is in flight any more");

    private static string Answer(string body) => $"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}";

    private static ScriptedUpstream Hanging(TaskCompletionSource freed, TaskCompletionSource? asked = null) => new(async (wire, _) =>
    {
        await wire.ReadHeadAsync();
        asked?.TrySetResult();
        await wire.ReadToEndAsync();
        freed.TrySetResult();
    });

    /// <summary>Round robin begins with the target whose name comes first.</summary>
    private static Task<BothFronts> StartAsync(string front, ScriptedUpstream first, ScriptedUpstream second, Func<RouteConfig, RouteConfig>? route = null, int reserve = RetryBudget) =>
        BothFronts.StartAsync(
            front,
            first.EndPoint,
            r => route?.Invoke(r with { Hedge = new HedgeConfig { After = Step } }) ?? r with { Hedge = new HedgeConfig { After = Step } },
            edge => edge with
            {
                Clusters = [.. edge.Clusters.Select(c => c with { Balance = "round_robin", RetryBudget = new() { ReserveMax = reserve, Ratio = 0 }, Endpoints = [new("1", first.EndPoint, 1), new("2", second.EndPoint, 1)] })],
            });
}
