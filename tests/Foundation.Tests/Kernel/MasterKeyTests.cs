using System.Security.Cryptography;
using System.Text;
using Shouldly;
using SkyRiff.Kernel.Secrets;
using Xunit;

namespace SkyRiff.Foundation.Tests.Kernel;

public sealed class MasterKeyTests
{
    private static readonly byte[] Plain = Encoding.UTF8.GetBytes("a private key, say");
    private readonly MasterKey _key = new([.. Enumerable.Range(0, 32).Select(i => (byte)i)]);

    [Fact]
    public void What_is_sealed_opens_again_and_looks_different_every_time()
    {
        var one = _key.Seal(Plain, "row/1");
        _key.Open(one, "row/1").ShouldBe(Plain);
        _key.Seal(Plain, "row/1").ShouldNotBe(one);
        _key.Open(_key.Seal([], "empty"), "empty").ShouldBeEmpty();
    }

    [Fact]
    public void Two_sealed_values_that_were_swapped_do_not_open()
    {
        var (first, second) = (_key.Seal(Plain, "row/1"), _key.Seal(Plain, "row/2"));
        Should.Throw<CryptographicException>(() => _key.Open(second, "row/1"));
        Should.Throw<CryptographicException>(() => _key.Open(first, "row/2"));
    }

    [Fact]
    public void No_bit_can_be_changed()
    {
        var whole = _key.Seal(Plain, "row/1");
        for (var bit = 0; bit < whole.Length * 8; bit++)
        {
            byte[] changed = [.. whole];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Should.Throw<CryptographicException>(() => _key.Open(changed, "row/1"), $"bit {bit}");
        }
    }

    [Fact]
    public void No_part_of_it_opens()
    {
        var whole = _key.Seal(Plain, "row/1");
        for (var length = 0; length < whole.Length; length++) Should.Throw<CryptographicException>(() => _key.Open(whole.AsSpan(0, length), "row/1"));
        Should.Throw<CryptographicException>(() => _key.Open([.. whole, 0], "row/1"));
    }

    [Fact]
    public void Another_master_key_opens_nothing() => Should.Throw<CryptographicException>(() => new MasterKey(new byte[32]).Open(_key.Seal(Plain, "row/1"), "row/1"));

    [Fact]
    public void Every_purpose_has_a_key_of_its_own_the_same_every_time()
    {
        _key.Derive("cursors").ShouldBe(_key.Derive("cursors"));
        _key.Derive("cursors").ShouldNotBe(_key.Derive("passes"));
        _key.Derive("cursors", 64).Length.ShouldBe(64);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    [InlineData(33)]
    public void A_master_key_has_32_bytes(int length) => Should.Throw<ArgumentException>(() => new MasterKey(new byte[length]));

    [Fact]
    public void It_does_not_tell_itself() => $"{_key}".ShouldBe("MasterKey (secret)");
}
