using Shouldly;
using SkyRiff.Resilience.Hashing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Resilience.Hashing;

public sealed class SipHashTests
{
    // CPython 3.11 with PYTHONHASHSEED=0, whose string hash is SipHash-1-3 under the zero key.
    [Theory]
    [InlineData("a", 4644417185603328019)]
    [InlineData("abcdefg", 7904145750247929094)]
    [InlineData("abcdefgh", 4574395652268504554)]
    [InlineData("abcdefghijklmnopq", 7044894726457044172)]
    public void Agrees_with_another_implementation(string text, ulong expected) => new SipHash(0, 0).Hash(System.Text.Encoding.ASCII.GetBytes(text)).ShouldBe(expected);

    [Fact]
    public void Numbers_hash_like_their_bytes()
    {
        SipHash.Stable.Hash(0x0102030405060708).ShouldBe(SipHash.Stable.Hash((ReadOnlySpan<byte>)[8, 7, 6, 5, 4, 3, 2, 1]));
        SipHash.Stable.Hash(1, 2).ShouldBe(SipHash.Stable.Hash((ReadOnlySpan<byte>)[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]));
    }

    [Fact]
    public void The_stable_hash_never_changes() => SipHash.Stable.Hash("skyriff"u8).ShouldBe(11486257297926939071);
}
