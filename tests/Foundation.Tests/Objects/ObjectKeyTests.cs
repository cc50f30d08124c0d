using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Objects;
using Xunit;

namespace SkyRiff.Foundation.Tests.Objects;

public sealed class ObjectKeyTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("works/42/v-0a1b.m4s")]
    [InlineData("a/b/c/d/e.f_g-h")]
    [InlineData("a..b")]
    public void Plain_segments_are_a_key(string text) => ObjectKey.Of(text).Value.ShouldBe(text);

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/a")]
    [InlineData("a/")]
    [InlineData("a//b")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../a")]
    [InlineData("a/../b")]
    [InlineData("a/..")]
    [InlineData("a/./b")]
    [InlineData(".hidden")]
    [InlineData("a/.hidden")]
    [InlineData("A")]
    [InlineData("a b")]
    [InlineData("a\\b")]
    [InlineData("a%2e%2e")]
    [InlineData("a\0b")]
    [InlineData("a\nb")]
    [InlineData("a:b")]
    [InlineData("a@")]
    [InlineData("ａ")]
    [InlineData("é")]
    [InlineData("~")]
    public void Anything_else_is_no_key(string text)
    {
        ObjectKey.TryParse(text, out _).ShouldBeFalse();
        Should.Throw<ObjectStoreException>(() => ObjectKey.Of(text)).Kind.ShouldBe(ObjectStoreFault.InvalidKey);
    }

    [Fact]
    public void Length_is_bounded_for_the_key_and_for_each_segment()
    {
        var segment = new string('a', ObjectKey.SegmentLengthMax);

        ObjectKey.TryParse(segment, out _).ShouldBeTrue();
        ObjectKey.TryParse(segment + "a", out _).ShouldBeFalse();
        ObjectKey.TryParse($"{segment}/{segment}/{new string('b', 110)}", out _).ShouldBeTrue();
        ObjectKey.TryParse($"{segment}/{segment}/{new string('b', 111)}", out _).ShouldBeFalse();
        ObjectKey.TryParse(null, out _).ShouldBeFalse();
    }

    [Fact]
    public void No_key_leaves_its_folder()
    {
        var pieces = Gen.Elements("a", "..", ".", "/", "\\", "%2e", "b9", "-", "_", "\0", "A", "~", ":", "//");
        var texts = Gen.ArrayOf(pieces).Select(string.Concat);

        Prop.ForAll(texts.ToArbitrary(), text =>
        {
            if (!ObjectKey.TryParse(text, out var key)) return true;
            var path = Path.GetFullPath(Path.Combine("/root-of-objects/fan", key.Value));
            return path == "/root-of-objects/fan/" + key.Value;
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("")]
    [InlineData("works/")]
    [InlineData("works/42")]
    public void A_prefix_is_whole_segments_and_the_start_of_one(string text) => ObjectPrefix.Of(text).Value.ShouldBe(text);

    [Theory]
    [InlineData("/")]
    [InlineData("a//")]
    [InlineData("../")]
    [InlineData("a/../")]
    [InlineData("a/.")]
    [InlineData("A")]
    public void A_prefix_that_no_key_has_is_refused(string text) =>
        Should.Throw<ObjectStoreException>(() => ObjectPrefix.Of(text)).Kind.ShouldBe(ObjectStoreFault.InvalidKey);

    [Fact]
    public void An_unset_key_is_a_bug_that_shows() => Should.Throw<InvalidOperationException>(() => default(ObjectKey).Value);
}
