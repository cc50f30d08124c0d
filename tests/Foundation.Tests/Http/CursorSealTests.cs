using System.Buffers.Text;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Http;
using Xunit;

namespace SkyRiff.Foundation.Tests.Http;

public sealed class CursorSealTests
{
    private readonly CursorSeal _seal = new([.. Enumerable.Repeat((byte)3, 32)]);

    [Fact]
    public void A_cursor_opens_for_its_list_and_no_other()
    {
        var cursor = _seal.Seal("works", "12345");
        _seal.Open("works", cursor).ShouldBe("12345");
        _seal.Open("sessions", cursor).ShouldBeNull();
        _seal.Open("work", cursor).ShouldBeNull();
        new CursorSeal(new byte[32]).Open("works", cursor).ShouldBeNull();
    }

    [Fact]
    public void A_list_and_a_position_cannot_be_cut_elsewhere() => _seal.Open("work", _seal.Seal("works", "1")).ShouldBeNull();

    [Fact]
    public void No_bit_can_be_changed_nothing_cut_or_added()
    {
        var cursor = _seal.Seal("works", "12345");
        var bytes = Base64Url.DecodeFromChars(cursor);
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            byte[] changed = [.. bytes];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            _seal.Open("works", Base64Url.EncodeToString(changed)).ShouldBeNull($"bit {bit}");
        }
        for (var length = 0; length < cursor.Length; length++) _seal.Open("works", cursor[..length]).ShouldBeNull();
        foreach (var other in new[] { cursor + "=", cursor + "==", cursor + "A", cursor + " ", " " + cursor, cursor + "%", cursor + "\n", cursor.Insert(4, " "), new string('A', 100_000) }) _seal.Open("works", other).ShouldBeNull(other[..Math.Min(40, other.Length)]);
    }

    [Fact]
    public void Whatever_is_sealed_opens_and_noise_does_not() => Prop.ForAll(ArbMap.Default.ArbFor<NonEmptyString>(), text =>
        _seal.Open("l", text.Get) is null && _seal.Open("l", _seal.Seal("l", "p" + text.Get.Length)) == "p" + text.Get.Length).QuickCheckThrowOnFailure();
}
