using Shouldly;
using SkyRiff.Bench;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Holding;

[Collection(HoldingCollection.Name)]
public sealed class SlowlorisTests
{
    private static readonly int Slow = Campaign.Length(600, 5000);
    private static readonly int PerSecond = Campaign.Length(200, 1000);
    private static readonly TimeSpan CalmDuration = Campaign.Length(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(20));
    private static readonly TimeSpan BurstDuration = Campaign.Length(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
    private static readonly TimeSpan Duration = Campaign.Length(TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(20));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>
    /// What a slow client may cost on average. On the lean front: a head's buffer, or what its kernel did not take of an answer. Kestrel has a head, buffers and streams for
    /// each request that goes on.
    /// </summary>
    [Theory]
    [InlineData("lean", 16 * 1024)]
    [InlineData("kestrel", 384 * 1024)]
    public async Task Honest_requests_go_through_while_thousands_are_slow(string front, int bytesPerSlowClientMax)
    {
        var large = LoadUpstream.Answer(200, new string('l', 1 << 20));
        await using var upstream = new LoadUpstream(async call =>
        {
            await call.SendAsync(call.Path == "/large" ? large : LoadUpstream.Ok);
            return true;
        });
        await using var gateway = await GatewayProcess.StartAsync($"front: {front}, head_timeout: 2s", $$"""
            clusters:
              behind: {endpoints: ["{{upstream.EndPoint}}"], breaker: {window_calls: 1024, calls_min: 1024}, outliers: {enabled: false}, idle_timeout: 1s, connect_timeout: 10s}
            routes:
              - {name: all, to: behind, timeout: 14s}
            """);
        var load = new HonestLoad(gateway.Port, 50, PerSecond);
        await load.RunAsync(CalmDuration / 2, Token); // everything is compiled, pools and heaps have their size
        var calm = await load.RunAsync(CalmDuration, Token);
        var (socketsBefore, bytesBefore) = (gateway.Sockets, gateway.ResidentBytes);

        LoadSeen burst;
        LoadSeen attacked;
        int cut;
        long bytesDuring;
        await using (var slow = new SlowClients(gateway.Port, Slow))
        {
            await slow.UntilThereAsync();
            await Eventually.TrueAsync(() => gateway.Sockets > Slow / 2, "the slow clients are let in");
            burst = await load.RunAsync(BurstDuration, Token); // all of them have asked within a second or two, and a third of them for a megabyte
            attacked = await load.RunAsync(Duration, Token);
            bytesDuring = gateway.ResidentBytes;
            await Eventually.TrueAsync(() => slow.Cut > Slow / 6, "slow clients are cut");
            cut = slow.Cut;
        }

        var results = new Results(front == "lean" ? "gateway-slowloris" : "gateway-slowloris-" + front);
        results.Add("slow connections", "", Slow);
        results.Add("slow connections cut meanwhile", "", cut);
        results.Add("honest requests per second", "1/s", attacked.Count / Duration.TotalSeconds);
        results.Add("honest requests that failed", "", attacked.Count - attacked.WithStatus(200));
        results.Add("honest p99 before", "ms", calm.Percentile(0.99));
        results.Add("honest p99 right after they came", "ms", burst.Percentile(0.99));
        results.Add("honest p99 during", "ms", attacked.Percentile(0.99));
        results.Add("honest p99 during / before", "", attacked.Percentile(0.99) / calm.Percentile(0.99));
        results.Add("honest p50 before", "ms", calm.Percentile(0.5));
        results.Add("honest p50 during", "ms", attacked.Percentile(0.5));
        results.Add("memory per slow connection", "B", Math.Max(0, bytesDuring - bytesBefore) / (double)Slow);
        await Campaign.ReportAsync(results, Token);

        calm.WithStatus(200).ShouldBe(calm.Count, calm.ToString());
        burst.WithStatus(200).ShouldBe(burst.Count, burst.ToString());
        attacked.WithStatus(200).ShouldBe(attacked.Count, attacked.ToString());
        (bytesDuring - bytesBefore).ShouldBeLessThan((long)Slow * bytesPerSlowClientMax);
        await gateway.UntilQuietAsync();
        await Eventually.TrueAsync(() => gateway.Sockets <= socketsBefore, "the slow clients' sockets are gone, theirs and their upstreams'");
    }
}
