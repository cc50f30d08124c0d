using System.Globalization;
using Shouldly;
using SkyRiff.Bench;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Holding;

/// <summary>
/// Honest clients at a steady rate, in turn while nobody attacks, while the attackers are at somebody else on the same machine, and while they are at the gateway. What
/// the second costs over the first is the machine's; what the third costs over the second is the gateway's.
/// </summary>
[Collection(HoldingCollection.Name)]
public sealed class SlowlorisTests
{
    private static readonly int Slow = Campaign.Length(600, 5000);
    private static readonly int PerSecond = Campaign.Length(200, 1000);
    private static readonly int Rounds = Campaign.Length(1, 3);
    private static readonly TimeSpan WarmingUp = Campaign.Length(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10));
    private static readonly TimeSpan Window = Campaign.Length(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(15));

    /// <summary>The gateway's own, but that nobody waits so long in the short form.</summary>
    private static readonly string HeadTimeout = Campaign.Length(", head_timeout: 2s", "");

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
        await using var upstream = LoadUpstream.Answering(LoadUpstream.Ok);
        await using var attack = await AttackProcess.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync($"front: {front}{HeadTimeout}", $$"""
            clusters:
              behind: {endpoints: ["{{upstream.EndPoint}}"], idle_timeout: 1s}
              attacked: {endpoints: ["{{attack.Upstream}}"], breaker: {window_calls: 1024, calls_min: 1024}, outliers: {enabled: false}, idle_timeout: 1s, connect_timeout: 10s}
            routes:
              - {name: honest, match: {path: "/honest"}, to: behind}
              - {name: other, to: attacked, timeout: 14s}
            """);
        var results = new Results(front == "lean" ? "gateway-slowloris" : "gateway-slowloris-" + front);
        var load = new HonestLoad(gateway.Port, 50, PerSecond);
        await load.RunAsync(WarmingUp, Token); // everything is compiled, pools and heaps have their size
        var socketsBefore = gateway.Sockets;
        var bytesAdded = 0L;
        for (var round = 0; round < Rounds; round++)
        {
            var bytesBefore = gateway.ResidentBytes;
            await MeasureAsync("calm");
            await attack.AimAsync(attack.Elsewhere.Port, Slow);
            await MeasureAsync("attack elsewhere");
            await attack.LeaveAsync();

            using (var arriving = CancellationTokenSource.CreateLinkedTokenSource(Token))
            {
                var arrival = load.RunAsync(arriving.Token);
                await attack.AimAsync(gateway.Port, Slow);
                await arriving.CancelAsync();
                Add("while they come", await arrival);
            }
            var (cutBefore, sentBefore) = (attack.Seen.Cut, attack.Seen.Sent);
            var measuring = MeasureAsync("attacked");
            // A third of the way through, when whoever is too slow is already being cut; each is away until its next turn.
            await Eventually.TrueAsync(() => gateway.Sockets - socketsBefore > Slow * 0.8, "the slow clients are let in");
            bytesAdded = Math.Max(bytesAdded, gateway.ResidentBytes - bytesBefore);
            await measuring;
            TcpPages().ShouldBeLessThan(TcpPagesUnderPressure(), "the kernel does not have to save on every connection for what readers do not take");
            bytesAdded = Math.Max(bytesAdded, gateway.ResidentBytes - bytesBefore);
            var seen = attack.Seen;
            results.Add("memory of all TCP connections of the machine", "MB", TcpPages() * Environment.SystemPageSize / 1e6);
            results.Add("slow connections held", "", seen.Connected);
            results.Add("bytes per slow connection and second", "B/s", (seen.Sent - sentBefore) / Window.TotalSeconds / Slow);
            results.Add("slow connections cut per second", "1/s", (seen.Cut - cutBefore) / Window.TotalSeconds);
            results.Add("slow connections that failed", "", seen.Failed);
            await Eventually.TrueAsync(() => attack.Seen.Cut > Slow / 6, "slow clients are cut");
            (seen.Connected - (Slow * 0.9)).ShouldBePositive($"the attack goes on: {seen}");
            (seen.Sent - sentBefore).ShouldBeGreaterThan((long)(Slow * Window.TotalSeconds * 0.8), "each sends about a byte a second");
            await attack.LeaveAsync();
            await gateway.UntilQuietAsync();
            await Eventually.TrueAsync(() => gateway.Sockets <= socketsBefore, "the slow clients' sockets are gone, theirs and their upstreams'");
        }
        results.Add("honest p99, attacked / calm", "", results.Median("honest p99, attacked") / results.Median("honest p99, calm"));
        results.Add("honest p99, attacked / attack elsewhere", "", results.Median("honest p99, attacked") / results.Median("honest p99, attack elsewhere"));
        results.Add("memory per slow connection", "B", Math.Max(0, bytesAdded) / (double)Slow);
        await Campaign.ReportAsync(results, Token);
        bytesAdded.ShouldBeLessThan((long)Slow * bytesPerSlowClientMax);

        static long TcpPages()
        {
            var words = File.ReadAllLines("/proc/net/sockstat").Single(l => l.StartsWith("TCP:", StringComparison.Ordinal)).Split(' ');
            return long.Parse(words[Array.IndexOf(words, "mem") + 1], CultureInfo.InvariantCulture);
        }

        static long TcpPagesUnderPressure() => long.Parse(File.ReadAllText("/proc/sys/net/ipv4/tcp_mem").Split('\t')[1], CultureInfo.InvariantCulture);

        async Task MeasureAsync(string what)
        {
            var cpu = gateway.CpuSeconds;
            var seen = await load.RunAsync(Window, Token);
            Add(what, seen);
            results.Add("gateway's processor time, " + what, "ms/s", (gateway.CpuSeconds - cpu) * 1000 / Window.TotalSeconds);
        }

        void Add(string what, LoadSeen seen)
        {
            results.Add("honest p50, " + what, "ms", seen.Percentile(0.5));
            results.Add("honest p99, " + what, "ms", seen.Percentile(0.99));
            results.Add("honest requests per second, " + what, "1/s", seen.WithStatus(200) / seen.Seconds);
            seen.WithStatus(200).ShouldBe(seen.Count, what + ": " + seen);
        }
    }
}
