using Shouldly;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Services.Tests.Gateway.Lean;
using SkyRiff.Services.Tests.Gateway.ResponseCache;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Decisions;

/// <summary>How long a caller waits, told hop by hop.</summary>
public sealed class DeadlineTests
{
    private static readonly AddressRange Here = AddressRange.TryParse("127.0.0.0/8")!.Value;
    private static readonly AddressRange Elsewhere = AddressRange.TryParse("10.0.0.0/8")!.Value;

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task A_trusted_proxy_gets_the_shorter_time_and_never_a_longer_one(string front)
    {
        var seen = new List<string>();
        await using var upstream = Noting(seen);
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Timeout = TimeSpan.FromSeconds(5) }, e => e with { TrustedProxies = [Here] });
        foreach (var told in (string[])["1200", "4999", "5000", "60000", "99999999999", "", "0", "-1", "1e3", "12 ", "1200, 7"]) await gateway.AskAsync("GET /", $"X-Deadline-Ms: {told}\r\n");
        seen.ShouldBe(["1200", "4999", "5000", "5000", "5000", "5000", "1", "5000", "5000", "12", "5000"]);
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task What_others_say_about_their_time_is_nothing(string front)
    {
        var seen = new List<string>();
        await using var upstream = Noting(seen);
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Timeout = TimeSpan.FromSeconds(5) }, e => e with { TrustedProxies = [Elsewhere] });
        await gateway.AskAsync("GET /", "X-Deadline-Ms: 1200\r\n");
        seen.ShouldBe(["5000"]);
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task When_the_shorter_time_is_over_the_answer_is_504(string front)
    {
        await using var upstream = new ScriptedUpstream(async (wire, _) => await wire.ReadToEndAsync());
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Timeout = TimeSpan.FromHours(1) }, e => e with { TrustedProxies = [Here] });
        using var wire = await gateway.ConnectAsync();
        await wire.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\nX-Deadline-Ms: 20000\r\n\r\n");
        await Eventually.TrueAsync(() => upstream.Accepted == 1, "the upstream was asked");
        var answer = wire.ReadHeadAsync();
        await Eventually.TrueAsync(() =>
        {
            gateway.Time.Advance(TimeSpan.FromSeconds(1)); // far less than an hour, whatever the machine does meanwhile
            return answer.IsCompleted;
        }, "the gateway answers");
        (await answer)!.ShouldStartWith("HTTP/1.1 504 ");
    }

    private static ScriptedUpstream Noting(List<string> seen) => new(async (wire, _) =>
    {
        while (await wire.ReadHeadAsync() is { } head)
        {
            seen.Add(Wire.Header(head, "X-Deadline-Ms")!);
            await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
}
