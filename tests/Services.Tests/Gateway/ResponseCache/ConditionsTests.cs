using Shouldly;
using SkyRiff.Gateway.ResponseCache;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.ResponseCache;

public sealed class ConditionsTests
{
    private const string Modified = "Thu, 01 Jan 2026 00:00:00 GMT";
    private const string Before = "Wed, 31 Dec 2025 23:59:59 GMT";

    [Theory]
    [InlineData("If-None-Match: \"a\"", true)]
    [InlineData("If-None-Match: W/\"a\"", true)]
    [InlineData("If-None-Match: \"b\"", false)]
    [InlineData("If-None-Match: \"b\", \"a\"", true)]
    [InlineData("If-None-Match: \"x,\", W/\"a\"", true)]
    [InlineData("If-None-Match: \"b\"|If-None-Match: \"a\"", true)]
    [InlineData("If-None-Match: *", true)]
    [InlineData("If-None-Match: a", false)]
    [InlineData("If-None-Match: \"a", false)]
    [InlineData("If-None-Match: \"b\"|If-Modified-Since: " + Modified, false)]
    [InlineData("If-Modified-Since: " + Modified, true)]
    [InlineData("If-Modified-Since: " + Before, false)]
    [InlineData("If-Modified-Since: Thursday, 01-Jan-26 00:00:00 GMT", true)]
    [InlineData("If-Modified-Since: yesterday", false)]
    [InlineData("Accept: */*", false)]
    public void A_client_that_has_it_already_is_told_so(string fields, bool expected) =>
        Conditions.IsNotModified(PureCache.Request("GET /|" + fields), PureCache.Response($"200|ETag: \"a\"|Last-Modified: {Modified}")).ShouldBe(expected);

    [Fact]
    public void Without_a_tag_a_tag_matches_nothing() =>
        Conditions.IsNotModified(PureCache.Request($"GET /|If-None-Match: \"a\"|If-Modified-Since: {Modified}"), PureCache.Response($"200|Last-Modified: {Modified}")).ShouldBeFalse();

    [Theory]
    [InlineData("bytes=0-0", 206, 0, 1)]
    [InlineData("bytes=2-4", 206, 2, 3)]
    [InlineData("BYTES=2-4", 206, 2, 3)]
    [InlineData("bytes=8-", 206, 8, 2)]
    [InlineData("bytes=8-99", 206, 8, 2)]
    [InlineData("bytes=-3", 206, 7, 3)]
    [InlineData("bytes=-99", 206, 0, 10)]
    [InlineData("bytes=10-", 416, 0, 0)]
    [InlineData("bytes=-0", 416, 0, 0)]
    [InlineData("bytes=4-2", 200, 0, 10)]
    [InlineData("bytes=0-1,3-4", 200, 0, 10)]
    [InlineData("bytes=a-b", 200, 0, 10)]
    [InlineData("bytes=", 200, 0, 10)]
    [InlineData("lines=0-1", 200, 0, 10)]
    [InlineData("bytes=99999999999999999999-", 200, 0, 10)]
    [InlineData("bytes=0-1|If-Range: \"a\"", 206, 0, 2)]
    [InlineData("bytes=0-1|If-Range: W/\"a\"", 200, 0, 10)]
    [InlineData("bytes=0-1|If-Range: \"b\"", 200, 0, 10)]
    [InlineData("bytes=0-1|If-Range: " + Before, 200, 0, 10)]
    public void One_range_is_cut_and_everything_else_is_the_whole(string range, int status, int offset, int length) =>
        Conditions.RangeOf(PureCache.Request("GET /|Range: " + range), PureCache.Response("200|ETag: \"a\""), 10).ShouldBe(new BodyRange(status, offset, length));
}
