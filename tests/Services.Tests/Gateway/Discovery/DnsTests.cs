using System.Net;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Discovery;
using SkyRiff.Kernel;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Discovery;

public sealed class DnsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_name_is_all_its_addresses_for_as_long_as_the_shortest_lived_one()
    {
        await using var dns = new ScriptedDns();
        dns.Records["api.test A"] = ["A 30 10.0.0.2", "A 7 10.0.0.1"];
        var found = await Source(dns, new(DiscoveryKind.DnsAddresses, "api.test") { Port = 8080 }).AskAsync(Token);
        found.Endpoints.Select(e => e.Id).ShouldBe(["10.0.0.1:8080", "10.0.0.2:8080"]);
        found.AskAgainAfter.ShouldBe(TimeSpan.FromSeconds(7));
    }

    [Fact]
    public async Task An_alias_is_followed_within_the_answer_and_other_names_in_it_are_not_believed()
    {
        await using var dns = new ScriptedDns();
        dns.Records["api.test A"] = ["CNAME 60 real.test", "real.test A 60 10.0.0.1", "evil.test A 60 6.6.6.6"];
        var found = await Source(dns, new(DiscoveryKind.DnsAddresses, "api.test") { Port = 80 }).AskAsync(Token);
        found.Endpoints.Select(e => e.Id).ShouldBe(["10.0.0.1:80"]);
    }

    [Fact]
    public async Task Only_a_name_without_ipv4_is_asked_for_ipv6()
    {
        await using var dns = new ScriptedDns();
        dns.Records["six.test AAAA"] = ["AAAA 60 2001:db8::1"];
        (await Source(dns, new(DiscoveryKind.DnsAddresses, "six.test") { Port = 80 }).AskAsync(Token)).Endpoints.Single().Id.ShouldBe("[2001:db8::1]:80");
    }

    [Fact]
    public async Task A_service_gives_ports_and_weights_of_its_first_priority()
    {
        await using var dns = new ScriptedDns();
        dns.Records["_http._tcp.api.test SRV"] = ["SRV 20 1 5 8081 one.test", "SRV 20 1 0 8082 two.test", "SRV 20 2 5 9999 spare.test"];
        dns.Additional["_http._tcp.api.test SRV"] = ["one.test A 10 10.0.0.1"];
        dns.Records["two.test A"] = ["A 15 10.0.0.2"];
        var found = await Source(dns, new(DiscoveryKind.DnsServices, "_http._tcp.api.test")).AskAsync(Token);
        found.Endpoints.Select(e => (e.Id, e.Weight)).ShouldBe([("10.0.0.1:8081", 5), ("10.0.0.2:8082", 1)]);
        found.AskAgainAfter.ShouldBe(TimeSpan.FromSeconds(10));
        dns.Asked.ShouldBe(2);
    }

    [Fact]
    public async Task A_headless_service_of_forty_instances_comes_by_tcp()
    {
        await using var dns = new ScriptedDns { Truncates = true };
        dns.Records["big.test A"] = [.. Enumerable.Range(1, 40).Select(i => $"A 30 10.0.0.{i}")];
        (await Source(dns, new(DiscoveryKind.DnsAddresses, "big.test") { Port = 80 }).AskAsync(Token)).Endpoints.Count.ShouldBe(40);
    }

    [Fact]
    public async Task What_does_not_answer_the_question_is_not_an_answer()
    {
        await using var dns = new ScriptedDns();
        dns.Records["other.test A"] = ["A 30 6.6.6.6"];
        var question = new byte[DnsMessage.QuestionBytesMax];
        dns.Forged = dns.Answer(question.AsSpan(0, DnsMessage.WriteQuestion(question, 1, "other.test", DnsType.A)), isWhole: true);
        dns.Records["api.test A"] = ["A 30 10.0.0.1"];
        (await Source(dns, new(DiscoveryKind.DnsAddresses, "api.test") { Port = 80 }).AskAsync(Token)).Endpoints.Single().Id.ShouldBe("10.0.0.1:80");
    }

    [Fact]
    public async Task No_such_name_is_nobody_and_a_server_that_fails_is_trouble()
    {
        await using var dns = new ScriptedDns();
        var source = Source(dns, new(DiscoveryKind.DnsAddresses, "none.test") { Port = 80 });
        var found = await source.AskAsync(Token);
        found.Endpoints.ShouldBeEmpty();
        found.AskAgainAfter.ShouldBe(TimeSpan.FromSeconds(5));
        dns.Code = 2;
        (await Should.ThrowAsync<DiscoveryException>(() => source.AskAsync(Token))).Message.ShouldContain("code 2");
    }

    [Fact]
    public async Task The_next_server_is_asked_when_one_is_silent()
    {
        await using var silent = new ScriptedDns { IsSilent = true };
        await using var good = new ScriptedDns();
        good.Records["api.test A"] = ["A 30 10.0.0.1"];
        var reply = await new DnsClient([silent.EndPoint, good.EndPoint], TimeProvider.System, Entropy.System).AskAsync("api.test", DnsType.A, Token);
        reply.Answers.Single().Address.ShouldBe(IPAddress.Parse("10.0.0.1"));
    }

    [Fact]
    public void Broken_answers_are_refused_and_never_run_in_circles()
    {
        var dns = new ScriptedDns();
        dns.Records["api.test SRV"] = ["SRV 30 1 1 80 a.api.test", "SRV 30 1 1 80 b.api.test"];
        dns.Additional["api.test SRV"] = ["a.api.test A 30 10.0.0.1"];
        var question = new byte[DnsMessage.QuestionBytesMax];
        var good = dns.Answer(question.AsSpan(0, DnsMessage.WriteQuestion(question, 7, "api.test", DnsType.Srv)), isWhole: true);
        DnsMessage.TryRead(good, 7, "API.test.", DnsType.Srv)!.Answers.Count.ShouldBe(2);
        DnsMessage.TryRead(good, 8, "api.test", DnsType.Srv).ShouldBeNull();
        DnsMessage.TryRead(good, 7, "api.test", DnsType.A).ShouldBeNull();
        for (var length = 0; length < good.Length; length++) DnsMessage.TryRead(good.AsSpan(0, length), 7, "api.test", DnsType.Srv).ShouldBeNull();
        var random = new Random(5);
        for (var i = 0; i < 200_000; i++)
        {
            var broken = (byte[])good.Clone();
            for (var flips = random.Next(1, 6); flips > 0; flips--) broken[random.Next(12, broken.Length)] = (byte)random.Next(256);
            DnsMessage.TryRead(broken.AsSpan(0, random.Next(12, broken.Length + 1)), 7, "api.test", DnsType.Srv);
        }
        byte[] circle = [0, 7, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0xC0, 14, 0xC0, 12, 0, 1, 0, 1];
        DnsMessage.TryRead(circle, 7, "a", DnsType.A).ShouldBeNull();
    }

    [Fact]
    public void The_systems_servers_are_read_from_its_file() =>
        DnsClient.ServersOf(["# no", "search a.example", "nameserver 10.96.0.10", "nameserver  fd00::1 ", "nameserver nonsense", "options ndots:5"])
            .ShouldBe([new(IPAddress.Parse("10.96.0.10"), 53), new(IPAddress.Parse("fd00::1"), 53)]);

    private static DnsSource Source(ScriptedDns dns, DiscoveryConfig config) => new(config, new DnsClient([dns.EndPoint], TimeProvider.System, Entropy.System));
}
