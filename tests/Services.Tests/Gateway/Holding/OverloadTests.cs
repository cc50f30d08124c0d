using Shouldly;
using SkyRiff.Bench;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Holding;

[Collection(HoldingCollection.Name)]
public sealed class OverloadTests
{
    private const int Slots = 16;
    private const int Times = 10;
    private static readonly TimeSpan Work = TimeSpan.FromMilliseconds(80);
    private static readonly TimeSpan OverloadDuration = Campaign.Length(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ten_times_what_the_upstream_can_do_costs_the_unimportant_only()
    {
        using var slots = new SemaphoreSlim(Slots);
        await using var upstream = new LoadUpstream(async call =>
        {
            // As many at a time as it has slots; the others queue, without an end, as in a server that knows no limit.
            await slots.WaitAsync(call.Stopping);
            try
            {
                await Pace.WorkAsync(Work, call.Stopping);
            }
            finally
            {
                slots.Release();
            }
            await call.SendAsync(LoadUpstream.Ok);
            return true;
        });
        await using var gateway = await GatewayProcess.StartAsync("loops: 1", $$"""
            clusters:
              behind: {endpoints: ["{{upstream.EndPoint}}"], adaptive_concurrency: {}, retries_max: 0, breaker: {window_calls: 1024, calls_min: 1024}, outliers: {enabled: false} }
            routes:
              - {name: pay, match: {path: /pay}, to: behind, priority: critical, timeout: 1s}
              - {name: rest, to: behind, timeout: 1s}
            """);
        var calm = await new HonestLoad(gateway.Port, Slots / 2, 10_000) { Path = "/feed" }.RunAsync(TimeSpan.FromSeconds(3), Token); // "usual" is learned
        var full = await new HonestLoad(gateway.Port, Slots, 10_000) { Path = "/feed" }.RunAsync(TimeSpan.FromSeconds(3), Token);
        var capacity = full.WithStatus(200) / 3.0;

        var paying = new HonestLoad(gateway.Port, 20, capacity / 5) { Path = "/pay" }.RunAsync(OverloadDuration, Token);
        var feed = await new HonestLoad(gateway.Port, 400, capacity * Times) { Path = "/feed" }.RunAsync(OverloadDuration, Token);
        var paid = await paying;
        var after = await new HonestLoad(gateway.Port, 40, capacity / 2) { Path = "/feed" }.RunAsync(TimeSpan.FromSeconds(8), Token);

        var goodput = (feed.WithStatus(200) + paid.WithStatus(200)) / OverloadDuration.TotalSeconds / capacity;
        var recovered = Enumerable.Range(0, 8).First(second => second == 7 || after.WithStatus(200, second, 8) == after.CountBetween(second, 8));
        var results = new Results("gateway-overload");
        results.Add("capacity", "1/s", capacity);
        results.Add("asked / capacity", "", (feed.Count + paid.Count) / OverloadDuration.TotalSeconds / capacity);
        results.Add("goodput / capacity", "", goodput);
        results.Add("prioritised that succeeded", "%", 100.0 * paid.WithStatus(200) / paid.Count);
        results.Add("p99 of prioritised", "ms", paid.Percentile(0.99));
        results.Add("p99 of the others that were served", "ms", feed.Percentile(0.99));
        results.Add("shed", "", feed.WithStatus(503));
        results.Add("seconds until every request succeeded again", "s", recovered);
        await Campaign.ReportAsync(results, Token);

        calm.WithStatus(200).ShouldBe(calm.Count, calm.ToString());
        (feed.Broken + paid.Broken).ShouldBe(0, feed.ToString());
        goodput.ShouldBeGreaterThan(0.85, $"{capacity}/s; {feed}; {paid}");
        ((double)paid.WithStatus(200)).ShouldBeGreaterThan(paid.Count * 0.99, paid.ToString());
        recovered.ShouldBeLessThanOrEqualTo(5, after.ToString());
        await gateway.UntilQuietAsync();
    }
}
