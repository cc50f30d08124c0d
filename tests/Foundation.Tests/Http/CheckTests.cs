using Shouldly;
using SkyRiff.Http;
using Xunit;

namespace SkyRiff.Foundation.Tests.Http;

public sealed class CheckTests
{
    [Theory]
    [InlineData("a", true)]
    [InlineData(" a ", true)]
    [InlineData("😀", true)]
    [InlineData("1234567890", true)]
    [InlineData("12345678901", false)]
    [InlineData("", false)]
    [InlineData("   ", false)]
    [InlineData(null, false)]
    [InlineData("\u200B\u200B", false)]
    [InlineData("\u3164", false)]
    [InlineData("a\nb", false)]
    [InlineData("a\u0000", false)]
    [InlineData("a\u007f", false)]
    [InlineData("a\u0085", false)]
    [InlineData("\u202Egnp.exe", false)]
    [InlineData("a\u2066b", false)]
    [InlineData("a\u2028b", false)]
    [InlineData("שלום", true)]
    [InlineData("👩\u200D🚀", true)]
    public void A_name_is_visible_and_runs_one_way(string? text, bool taken)
    {
        var check = new Check();
        check.Text("/name", text, 1, 10);
        (check.Problem is null).ShouldBe(taken);
    }

    [Theory]
    [InlineData("line\nline\r\n\ttab", true)]
    [InlineData("\u202Bשלום\u202C", true)]
    [InlineData("", true)]
    [InlineData("a\u0000b", false)]
    [InlineData("a\u001bb", false)]
    public void Text_of_many_lines_may_turn_and_break(string text, bool taken)
    {
        var check = new Check();
        check.Text("/text", text, 0, 100, multiline: true);
        (check.Problem is null).ShouldBe(taken);
    }

    [Fact]
    public void Every_mistake_is_told_at_once()
    {
        var check = new Check();
        check.Text("/a", "", 1, 5);
        check.Range("/b", 11, 1, 10);
        check.Range("/c", 10, 1, 10);
        check.That(false, "/d", "Never.");
        check.Problem!.Errors.Select(error => error.Pointer).ShouldBe(["/a", "/b", "/d"]);
        check.Problem.Code.ShouldBe(HttpProblems.Invalid);
    }
}
