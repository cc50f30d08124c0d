using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Decisions;

public sealed class CanaryTests
{
    [Fact]
    public void The_share_is_kept_and_the_same_caller_gets_the_same_side()
    {
        var canary = new Canary(new CanaryConfig("next") { Percent = 10 }, null!);
        var head = Heads.Get("/");
        var random = new Random(5);
        var callers = Enumerable.Range(0, 20_000).Select(_ => (ulong)random.NextInt64()).ToList();
        var chosen = callers.Where(c => canary.Chooses(head, c << 1)).ToList();
        chosen.Count.ShouldBeInRange(1_800, 2_200);
        chosen.ShouldAllBe(c => canary.Chooses(head, c << 1));
    }

    [Fact]
    public void A_header_or_a_cookie_chooses_it_too()
    {
        var canary = new Canary(new CanaryConfig("next") { Header = new("X-Canary", "1"), Cookie = new("canary", "yes") }, null!);
        canary.Chooses(Heads.Get("/"), ulong.MaxValue).ShouldBeFalse();
        canary.Chooses(Heads.Get("/", "a", "x-canary: 1"), ulong.MaxValue).ShouldBeTrue();
        canary.Chooses(Heads.Get("/", "a", "x-canary: 2"), ulong.MaxValue).ShouldBeFalse();
        canary.Chooses(Heads.Get("/", "a", "Cookie: a=b; canary=yes"), ulong.MaxValue).ShouldBeTrue();
        canary.Chooses(Heads.Get("/", "a", "Cookie: notcanary=yes"), ulong.MaxValue).ShouldBeFalse();
    }

    [Fact]
    public void It_is_rolled_back_when_it_fails_more_and_not_before_enough_calls()
    {
        var judge = new CanaryJudge();
        for (var i = 0; i < 500; i++) judge.Report(isCanary: false, failed: i % 100 == 0, 10);
        for (var i = 0; i < CanaryJudge.CallsMin - 1; i++) judge.Report(isCanary: true, failed: true, 10);
        judge.IsRolledBack.ShouldBeFalse();
        judge.Report(isCanary: true, failed: true, 10);
        judge.IsRolledBack.ShouldBeTrue();
        judge.Reason.ShouldContain("failures");
    }

    [Fact]
    public void It_is_rolled_back_when_it_is_slower_and_stays_when_it_is_as_good()
    {
        var (slow, good) = (new CanaryJudge(), new CanaryJudge());
        for (var i = 0; i < 5000; i++)
        {
            slow.Report(isCanary: i % 2 == 0, failed: false, i % 2 == 0 ? 80 : 10);
            good.Report(isCanary: i % 2 == 0, failed: i % 50 < 2, 10 + (i % 7));
        }
        slow.Reason.ShouldContain("latency");
        good.IsRolledBack.ShouldBeFalse(good.Reason);
    }
}
