using System.Text;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Services.Tests.Gateway.Lean;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Decisions;

public sealed class ExperimentTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    [Fact]
    public void Arms_get_their_shares_and_a_user_always_the_same()
    {
        var experiment = new Experiment(new ExperimentConfig("player") { Header = "X-Player", Arms = [("old", 90), ("new", 10), ("never", 0)] });
        var counts = new Dictionary<string, int>();
        for (var user = 0UL; user < 100_000; user++)
        {
            var arm = Encoding.ASCII.GetString(experiment.FieldFor(user));
            arm.ShouldBe(Encoding.ASCII.GetString(experiment.FieldFor(user)));
            counts[arm] = counts.GetValueOrDefault(arm) + 1;
        }
        counts["X-Player: old\r\n"].ShouldBeInRange(89_500, 90_500);
        counts["X-Player: new\r\n"].ShouldBeInRange(9_500, 10_500);
        counts.Count.ShouldBe(2);
    }

    [Fact]
    public void Being_in_one_experiment_says_nothing_about_another()
    {
        Experiment[] both = [.. new[] { "a", "b" }.Select(name => new Experiment(new ExperimentConfig(name) { Header = "X", Arms = [("0", 1), ("1", 1)] }))];
        var same = Enumerable.Range(0, 10_000).Count(user => both[0].FieldFor((ulong)user).SequenceEqual(both[1].FieldFor((ulong)user)));
        same.ShouldBeInRange(4_700, 5_300);
    }

    [Fact]
    public void The_assignment_is_the_same_in_every_version_of_the_gateway() =>
        string.Concat(Enumerable.Range(0, 24).Select(user => Encoding.ASCII.GetString(
            new Experiment(new ExperimentConfig("player") { Header = "H", Arms = [("0", 1), ("1", 1)] }).FieldFor((ulong)user))[3])).ShouldBe(Golden);

    /// <summary>Changing this moves people between arms in the middle of their experiments.</summary>
    private const string Golden = "011011000000111110011001";

    [Fact]
    public async Task An_anonymous_client_is_remembered_by_a_cookie_and_cannot_forge_the_header()
    {
        var heads = new List<string>();
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is { } head)
            {
                heads.Add(head);
                await wire.WriteAsync(Ok);
            }
        });
        await using var gateway = new LeanGateway([upstream.EndPoint], route: r => r with { Experiments = ["player"] }, edge: e => e with
        {
            Experiments = [new ExperimentConfig("player") { Header = "X-Player", Arms = [("old", 1), ("new", 1)] }],
        });
        using var client = await gateway.ConnectAsync();

        await client.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\nX-Player: forged\r\n\r\n");
        var cookie = Wire.Header((await client.ReadResponseAsync()).Head, "Set-Cookie")!;
        cookie.ShouldMatch("^ab=[0-9a-f]{16}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax$");
        for (var i = 0; i < 5; i++)
        {
            await client.WriteAsync($"GET / HTTP/1.1\r\nHost: a\r\nCookie: x=1; {cookie.Split(';')[0]}\r\n\r\n");
            Wire.Header((await client.ReadResponseAsync()).Head, "Set-Cookie").ShouldBeNull();
        }

        heads.Count.ShouldBe(6);
        heads.Select(h => Wire.Header(h, "X-Player")).Distinct().Single().ShouldBeOneOf("old", "new");
        heads.ShouldAllBe(h => !h.Contains("forged", StringComparison.Ordinal));
    }
}
