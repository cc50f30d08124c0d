using System.Net;
using System.Text;
using Shouldly;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Decisions;

public sealed class AddressTests
{
    [Fact]
    public void An_address_is_written_as_the_framework_writes_it()
    {
        var random = new Random(3);
        Span<byte> bytes = stackalloc byte[16];
        for (var i = 0; i < 5000; i++)
        {
            random.NextBytes(bytes);
            for (var zeros = random.Next(8); zeros > 0; zeros--) bytes.Slice(random.Next(8) * 2, 2).Clear();
            var address = new IPAddress(bytes);
            if (address.IsIPv4MappedToIPv6 || address.ToString().Contains('.', StringComparison.Ordinal)) continue;
            PeerAddress.Of(bytes).ToString().ShouldBe(address.ToString());
            ClientAddress.TryParse(Encoding.ASCII.GetBytes(address.ToString()), out var parsed).ShouldBeTrue();
            parsed.ShouldBe(PeerAddress.Of(bytes));
        }
        PeerAddress.Of([127, 0, 0, 1]).ToString().ShouldBe("127.0.0.1");
    }

    [Theory]
    [InlineData("10.0.0.0/8", "10.255.0.1", true)]
    [InlineData("10.0.0.0/8", "11.0.0.1", false)]
    [InlineData("0.0.0.0/0", "1.2.3.4", true)]
    [InlineData("0.0.0.0/0", "2001:db8::1", false)]
    [InlineData("2001:db8::/32", "2001:db8:1::1", true)]
    [InlineData("2001:db8::/32", "2001:db9::1", false)]
    [InlineData("192.0.2.7", "192.0.2.7", true)]
    [InlineData("192.0.2.7", "192.0.2.8", false)]
    public void A_block_holds_its_addresses(string block, string address, bool expected) =>
        AddressRange.TryParse(block)!.Value.Contains(PeerAddress.Of(IPAddress.Parse(address).GetAddressBytes())).ShouldBe(expected);

    [Theory]
    [InlineData("203.0.113.9", "X-Forwarded-For: 1.1.1.1", "203.0.113.9")]                // an untrusted peer says nothing about others
    [InlineData("10.0.0.1", "X-Forwarded-For: 6.6.6.6, 198.51.100.1", "198.51.100.1")]    // the right-most one that is not ours
    [InlineData("10.0.0.1", "X-Forwarded-For: 6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1")]
    [InlineData("10.0.0.1", "X-Forwarded-For: 10.0.0.3, 10.0.0.2", "10.0.0.3")]
    [InlineData("10.0.0.1", "X-Forwarded-For: 198.51.100.1, garbage", "10.0.0.1")]
    [InlineData("10.0.0.1", "X-Forwarded-For: 2001:db8::7", "2001:db8::7")]
    [InlineData("10.0.0.1", "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8", "5.6.7.8")]
    [InlineData("10.0.0.1", "X-Other: 1", "10.0.0.1")]
    public void The_client_is_whom_a_trusted_proxy_saw(string peer, string field, string expected)
    {
        var trusted = new[] { AddressRange.TryParse("10.0.0.0/8")!.Value };
        var head = Heads.Get("/", "a", field.Split("\r\n"));
        ClientAddress.Of(head, PeerAddress.Of(IPAddress.Parse(peer).GetAddressBytes()), trusted).ToString().ShouldBe(expected);
    }

    [Theory]
    [InlineData("0D0A0D0A000D0A515549540A2111000C0102030405060708AAAABBBB", "Complete 28 01020304")]
    [InlineData("0D0A0D0A000D0A515549540A2011000C0102030405060708AAAABBBB", "Complete 28 ")]
    [InlineData("0D0A0D0A000D0A515549540A20000000", "Complete 16 ")]
    [InlineData("0D0A0D0A000D0A515549540A2111000C010203", "Incomplete 0 ")]
    [InlineData("0D0A0D0A000D0A", "Incomplete 0 ")]
    [InlineData("0D0A0D0A000D0A515549540A1111000C0102030405060708AAAABBBB", "Refused 0 ")]
    [InlineData("0D0A0D0A000D0A515549540A21110004AABBCCDD", "Refused 20 ")]
    [InlineData("0D0A0D0A000D0A515549540A2111FFFF", "Refused 0 ")]
    [InlineData("50524F585920544350", "Refused 0 ")]
    [InlineData("474554202F", "Refused 0 ")]
    public void A_proxy_header_is_read_or_refused(string hex, string expected)
    {
        var status = ProxyProtocol.Parse(Convert.FromHexString(hex), out var length, out var address);
        $"{status} {length} {Convert.ToHexString(address)}".ShouldBe(expected);
    }
}
