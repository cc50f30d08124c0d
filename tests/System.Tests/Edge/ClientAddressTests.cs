using System.Net;
using Microsoft.Extensions.Primitives;
using Shouldly;
using SkyRiff.App.Edge;
using Xunit;

namespace SkyRiff.SystemTests.Edge;

public sealed class ClientAddressTests
{
    private static readonly IPNetwork[] Trusted = [ClientAddress.ParseRange("10.0.0.0/8")!.Value, ClientAddress.ParseRange("fd00::/8")!.Value, ClientAddress.ParseRange("192.0.2.7")!.Value];

    [Theory]
    [InlineData("203.0.113.9", "1.2.3.4", "203.0.113.9")] // a stranger's header says nothing
    [InlineData("10.0.0.1", "1.2.3.4", "1.2.3.4")]
    [InlineData("::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4")] // IPv4 in IPv6
    [InlineData("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4")] // the left one was sent by the client
    [InlineData("10.0.0.1", "6.6.6.6, 1.2.3.4 , 10.9.9.9,192.0.2.7", "1.2.3.4")]
    [InlineData("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2")] // all are ours: the outermost
    [InlineData("fd00::1", "2001:db8::5", "2001:db8::5")]
    [InlineData("10.0.0.1", "", "10.0.0.1")]
    [InlineData("10.0.0.1", "1.2.3.4, ", "10.0.0.1")] // what cannot be read ends the walk
    [InlineData("10.0.0.1", "1.2.3.4, unknown", "10.0.0.1")]
    [InlineData("10.0.0.1", "1.2.3.4, 16909060", "10.0.0.1")]
    [InlineData("10.0.0.1", "1.2.3.4, 010.0.0.2", "10.0.0.1")]
    [InlineData("10.0.0.1", "1.2.3.4, 10.0.0.2:80", "10.0.0.1")]
    [InlineData("10.0.0.1", "1.2.3.4, fe80::1%1", "10.0.0.1")]
    public void The_client_is_the_last_address_that_is_not_a_trusted_proxy(string peer, string forwarded, string client) =>
        ClientAddress.Of(IPAddress.Parse(peer), forwarded, Trusted).ShouldBe(IPAddress.Parse(client));

    [Fact]
    public void Lines_of_the_header_are_read_from_the_last_one()
    {
        ClientAddress.Of(IPAddress.Parse("10.0.0.1"), new StringValues(["6.6.6.6", "1.2.3.4", "10.0.0.2"]), Trusted).ShouldBe(IPAddress.Parse("1.2.3.4"));
    }

    [Fact]
    public void A_list_that_is_too_long_is_not_walked_to_its_end()
    {
        var hops = string.Join(',', Enumerable.Repeat("10.0.0.2", 1_000));
        ClientAddress.Of(IPAddress.Parse("10.0.0.1"), "1.2.3.4," + hops, Trusted).ShouldBe(IPAddress.Parse("10.0.0.2"));
    }

    [Theory]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("10.0.0/8")]
    [InlineData("example.org")]
    [InlineData("")]
    public void What_is_no_range_is_refused(string text) => ClientAddress.ParseRange(text).ShouldBeNull();

    [Fact]
    public void A_range_may_be_written_with_any_of_its_addresses() => ClientAddress.ParseRange("10.1.2.3/8").ShouldBe(new IPNetwork(IPAddress.Parse("10.0.0.0"), 8));
}
