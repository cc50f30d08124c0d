using System.Net;
using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Redis;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Calls;
using SkyRiff.Resilience.Limits;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience;

/// <summary>The README's example compiles and runs, because it is the method below.</summary>
public sealed class ReadmeTests(RedisFixture fixture) : IClassFixture<RedisFixture>
{
    private static async Task<string> ExampleAsync(IPAddress address, RedisClient redis, HttpClient http, CancellationToken cancellationToken)
    {
        // <readme>
        var clock = new MonotonicClock(TimeProvider.System);

        // A limit for millions of clients in memory: 100 at once, 100 more per second, 45 ns a decision.
        var perAddress = KeyedLimiter.Of(new TokenBucket(100, 100, TimeSpan.FromSeconds(1)), new KeyedLimiterOptions { KeysMax = 10_000_000 });
        var decision = perAddress.Take(LimitKey.Of(address), cost: 1, clock.Now);
        if (!decision.IsAllowed) return $"429, Retry-After: {RateLimitFields.FormatRetryAfter(decision)}";

        // The same idea for all processes together, in Redis; a flood is refused from memory, and an outage falls back to a share.
        var perUser = SharedLimiter.Of(new SlidingWindow(1_000, TimeSpan.FromSeconds(60)), new SharedLimiterOptions { Name = "user" }, redis, clock);
        var shared = await perUser.TakeAsync("user-17", cost: 1, cancellationToken);
        if (!shared.IsAllowed) return "429";

        // Bulkhead, breaker, retry within a budget, time limit: always in this order.
        var callee = new CallPipeline("videos", new CallPipelineOptions { TryDurationMax = TimeSpan.FromSeconds(2) }, clock, Entropy.System);
        var deadline = Deadline.After(TimeSpan.FromSeconds(5), clock.Now);
        return await callee.ExecuteAsync(
            static (http, token) => new ValueTask<string>(http.GetStringAsync("/works/1", token)),
            http,
            judge: static _ => Verdict.Succeeded,
            new CallTerms(deadline, IsRepeatable: true),
            cancellationToken);
        // </readme>
    }

    [Fact]
    public async Task The_example_runs()
    {
        using var http = new HttpClient(new Answering()) { BaseAddress = new Uri("http://callee") };
        (await ExampleAsync(IPAddress.Loopback, fixture.Redis, http, TestContext.Current.CancellationToken)).ShouldBe("a work");
    }

    [Fact]
    public void The_readme_shows_the_example_word_for_word()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "SkyRiff.slnx"))) root = root.Parent.ShouldNotBeNull();
        var source = File.ReadAllText(Path.Combine(root.FullName, "tests/Foundation.Tests/Resilience/ReadmeTests.cs"));
        var example = source.Split("// <readme>\n")[1].Split("        // </readme>")[0];
        var shown = string.Join('\n', example.Split('\n').Select(line => line.Length >= 8 ? line[8..] : line)).TrimEnd();

        File.ReadAllText(Path.Combine(root.FullName, "src/foundation/Resilience/README.md")).ShouldContain($"```csharp\n{shown}\n```");
    }

    private sealed class Answering : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage { Content = new StringContent("a work") });
    }
}
