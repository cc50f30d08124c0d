using Shouldly;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.ResponseCache;

/// <summary>RFC 9111 as a table: a first request with its response, a time, and what a second request gets.</summary>
public sealed class Rfc9111Tests
{
    private const string Tag = "ETag: \"v1\"";

    public static TheoryData<string, string, string, int, string, string> Cases()
    {
        var data = new TheoryData<string, string, string, int, string, string>();
        foreach (var (name, first, response, seconds, second, expected) in Storing().Concat(Ages()).Concat(Asking()).Concat(Varying()).Concat(Stale())) data.Add(name, first, response, seconds, second, expected);
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_second_request_gets_what_the_rules_say(string name, string first, string response, int seconds, string second, string expected)
    {
        var cache = new PureCache();
        cache.Exchange(first, response, out _);
        cache.Now = seconds;
        cache.Ask(second).ShouldBe(expected, name);
    }

    [Fact]
    public void The_table_has_at_least_a_hundred_cases() => Cases().Count.ShouldBeGreaterThanOrEqualTo(100);

    private static IEnumerable<(string, string, string, int, string, string)> Storing()
    {
        const string G = "GET /";
        yield return ("max-age is stored", G, "200|Cache-Control: max-age=60", 0, G, "hit");
        yield return ("nothing said is not stored", G, "200", 0, G, "miss");
        yield return ("no-store", G, "200|Cache-Control: max-age=60, no-store", 0, G, "miss");
        yield return ("no-store in a second field", G, "200|Cache-Control: max-age=60|Cache-Control: no-store", 0, G, "miss");
        yield return ("private", G, "200|Cache-Control: private, max-age=60", 0, G, "miss");
        yield return ("private with fields", G, "200|Cache-Control: private=\"x, y\", max-age=60", 0, G, "miss");
        yield return ("names in any case", G, "200|Cache-Control: MAX-AGE=60", 0, G, "hit");
        yield return ("unknown directives are ignored", G, "200|Cache-Control: foo=\"no-store\", max-age=60, bar", 0, G, "hit");
        yield return ("no-store inside of quotes is none", G, "200|Cache-Control: max-age=60, ext=\"a,no-store,b\"", 0, G, "hit");
        yield return ("quoted seconds are read", G, "200|Cache-Control: max-age=\"60\"", 0, G, "hit");
        yield return ("no number is stale", G, "200|Cache-Control: max-age=abc|" + Tag, 0, G, "validate");
        yield return ("negative is stale", G, "200|Cache-Control: max-age=-1|" + Tag, 0, G, "validate");
        yield return ("a fraction is stale", G, "200|Cache-Control: max-age=1.5|" + Tag, 0, G, "validate");
        yield return ("huge is long", G, "200|Cache-Control: max-age=99999999999999999999999", 100000, G, "hit");
        yield return ("twice: the shorter", G, "200|Cache-Control: max-age=60, max-age=10|" + Tag, 20, G, "validate");
        yield return ("s-maxage beats max-age", G, "200|Cache-Control: max-age=1, s-maxage=60", 20, G, "hit");
        yield return ("s-maxage=0 beats max-age", G, "200|Cache-Control: max-age=60, s-maxage=0|" + Tag, 1, G, "validate");
        yield return ("max-age beats Expires", G, $"200|Cache-Control: max-age=60|Expires: {PureCache.DateAt(-100)}", 20, G, "hit");
        yield return ("Expires", G, $"200|Date: {PureCache.DateAt(0)}|Expires: {PureCache.DateAt(60)}", 30, G, "hit");
        yield return ("Expires is over", G, $"200|Date: {PureCache.DateAt(0)}|Expires: {PureCache.DateAt(60)}|{Tag}", 61, G, "validate");
        yield return ("Expires: 0 is over", G, $"200|Expires: 0|{Tag}", 0, G, "validate");
        yield return ("Expires: 0 without a validator is not stored", G, "200|Expires: 0", 0, G, "miss");
        yield return ("Expires in the form of RFC 850", G, $"200|Date: {PureCache.DateAt(0)}|Expires: Thursday, 01-Jan-26 00:01:00 GMT", 30, G, "hit");
        yield return ("Expires in the form of asctime", G, $"200|Date: {PureCache.DateAt(0)}|Expires: Thu Jan  1 00:01:00 2026", 30, G, "hit");
        yield return ("Expires twice is over", G, $"200|Expires: {PureCache.DateAt(60)}|Expires: {PureCache.DateAt(90)}|{Tag}", 1, G, "validate");
        yield return ("max-age=0 with a validator is stored", G, "200|Cache-Control: max-age=0|" + Tag, 0, G, "validate");
        yield return ("max-age=0 without one is not", G, "200|Cache-Control: max-age=0", 0, G, "miss");
        yield return ("no-cache with a validator", G, "200|Cache-Control: no-cache, max-age=60|" + Tag, 0, G, "validate");
        yield return ("no-cache with fields", G, "200|Cache-Control: no-cache=\"X-A\", max-age=60|" + Tag, 0, G, "validate");
        yield return ("no-cache without a validator", G, "200|Cache-Control: no-cache", 0, G, "miss");
        yield return ("Last-Modified validates", G, $"200|Cache-Control: no-cache|Last-Modified: {PureCache.DateAt(-9)}", 0, G, "validate");
        yield return ("Set-Cookie is never shared", G, "200|Cache-Control: max-age=60|Set-Cookie: a=b", 0, G, "miss");
        yield return ("Set-Cookie with public neither", G, "200|Cache-Control: public, max-age=60|Set-Cookie: a=b", 0, G, "miss");
        yield return ("206 is not stored", G, "206|Cache-Control: max-age=60|Content-Range: bytes 0-1/9", 0, G, "miss");
        yield return ("404 is", G, "404|Cache-Control: max-age=60", 0, G, "hit");
        yield return ("301 is", G, "301|Cache-Control: max-age=60|Location: /x", 0, G, "hit");
        yield return ("302 when it says so", G, "302|Cache-Control: max-age=60|Location: /x", 0, G, "hit");
        yield return ("302 when it says nothing", G, "302|Location: /x", 0, G, "miss");
        yield return ("204 is", G, "204|Cache-Control: max-age=60", 0, G, "hit");
        yield return ("500 when it says so", G, "500|Cache-Control: max-age=60", 0, G, "hit");
        yield return ("must-understand of an unknown status", G, "299|Cache-Control: must-understand, max-age=60", 0, G, "miss");
        yield return ("must-understand of a known status", G, "200|Cache-Control: must-understand, max-age=60", 0, G, "hit");
        yield return ("a body without a known end", G, "200|until-close|Cache-Control: max-age=60", 0, G, "miss");
        yield return ("a chunked body", G, "200|Transfer-Encoding: chunked|Cache-Control: max-age=60", 0, G, "hit");
        yield return ("a body that is too large", G, "200|Content-Length: 2000000|Cache-Control: max-age=60", 0, G, "miss");
        yield return ("POST is not stored", "POST /", "200|Cache-Control: max-age=60", 0, G, "miss");
        yield return ("POST is not served", G, "200|Cache-Control: max-age=60", 0, "POST /", "miss");
        yield return ("HEAD does not fill", "HEAD /", "200|Cache-Control: max-age=60", 0, G, "miss");
        yield return ("HEAD is served from GET", G, "200|Cache-Control: max-age=60", 0, "HEAD /", "hit");
        yield return ("OPTIONS goes through", G, "200|Cache-Control: max-age=60", 0, "OPTIONS /", "miss");
        yield return ("another query is another", "GET /?a", "200|Cache-Control: max-age=60", 0, "GET /?b", "miss");
        yield return ("an empty query is another", "GET /", "200|Cache-Control: max-age=60", 0, "GET /?", "miss");
        yield return ("a request with a body goes through", "GET /|Content-Length: 1", "200|Cache-Control: max-age=60", 0, G, "miss");
        yield return ("request no-store is not stored", "GET /|Cache-Control: no-store", "200|Cache-Control: max-age=60", 0, G, "miss");
        yield return ("Authorization is not stored", "GET /|Authorization: Bearer x", "200|Cache-Control: max-age=60", 0, "GET /|Authorization: Bearer x", "miss");
        yield return ("Authorization with public is", "GET /|Authorization: Bearer x", "200|Cache-Control: public, max-age=60", 0, "GET /|Authorization: Bearer y", "hit");
        yield return ("Authorization with s-maxage is", "GET /|Authorization: Bearer x", "200|Cache-Control: s-maxage=60", 0, G, "hit");
        yield return ("Authorization with must-revalidate is not, here", "GET /|Authorization: Bearer x", "200|Cache-Control: must-revalidate, max-age=60", 0, "GET /|Authorization: Bearer x", "miss");
        yield return ("an anonymous response is not for credentials", G, "200|Cache-Control: max-age=60", 0, "GET /|Authorization: Bearer x", "miss");
        yield return ("a cookie is a credential", "GET /|Cookie: s=1", "200|Cache-Control: max-age=60", 0, "GET /|Cookie: s=2", "miss");
        yield return ("a cookie and public", "GET /|Cookie: s=1", "200|Cache-Control: public, max-age=60", 0, "GET /|Cookie: s=2", "hit");
        yield return ("an API key is a credential", "GET /|X-Api-Key: 1", "200|Cache-Control: max-age=60", 0, "GET /|X-Api-Key: 2", "miss");
    }

    private static IEnumerable<(string, string, string, int, string, string)> Ages()
    {
        const string G = "GET /";
        yield return ("fresh to the last second", G, "200|Cache-Control: max-age=60|" + Tag, 59, G, "hit");
        yield return ("stale when the age is the lifetime", G, "200|Cache-Control: max-age=60|" + Tag, 60, G, "validate");
        yield return ("Age counts", G, "200|Cache-Control: max-age=60|Age: 50|" + Tag, 10, G, "validate");
        yield return ("Age leaves a rest", G, "200|Cache-Control: max-age=60|Age: 50", 9, G, "hit");
        yield return ("an old Date counts", G, $"200|Cache-Control: max-age=60|Date: {PureCache.DateAt(-50)}|{Tag}", 10, G, "validate");
        yield return ("a Date in the future does not", G, $"200|Cache-Control: max-age=60|Date: {PureCache.DateAt(500)}", 30, G, "hit");
        yield return ("Age that is no number is ignored", G, "200|Cache-Control: max-age=60|Age: x", 30, G, "hit");
        yield return ("a huge Age is old", G, "200|Cache-Control: max-age=60|Age: 999999999999|" + Tag, 0, G, "validate");
    }

    private static IEnumerable<(string, string, string, int, string, string)> Asking()
    {
        const string G = "GET /";
        const string R = "200|Cache-Control: max-age=60|" + Tag;
        yield return ("no-cache", G, R, 1, "GET /|Cache-Control: no-cache", "validate");
        yield return ("Pragma alone", G, R, 1, "GET /|Pragma: no-cache", "validate");
        yield return ("Pragma beside Cache-Control is ignored", G, R, 1, "GET /|Pragma: no-cache|Cache-Control: max-age=30", "hit");
        yield return ("max-age of the request", G, R, 10, "GET /|Cache-Control: max-age=5", "validate");
        yield return ("max-age of the request that holds", G, R, 10, "GET /|Cache-Control: max-age=10", "hit");
        yield return ("max-age=0", G, R, 1, "GET /|Cache-Control: max-age=0", "validate");
        yield return ("min-fresh", G, R, 50, "GET /|Cache-Control: min-fresh=20", "validate");
        yield return ("min-fresh that holds", G, R, 30, "GET /|Cache-Control: min-fresh=20", "hit");
        yield return ("max-stale", G, R, 70, "GET /|Cache-Control: max-stale=20", "stale");
        yield return ("max-stale too short", G, R, 90, "GET /|Cache-Control: max-stale=20", "validate");
        yield return ("max-stale without a number", G, R, 9000, "GET /|Cache-Control: max-stale", "stale");
        yield return ("max-stale against must-revalidate", G, "200|Cache-Control: max-age=60, must-revalidate|" + Tag, 70, "GET /|Cache-Control: max-stale", "validate");
        yield return ("max-stale against proxy-revalidate", G, "200|Cache-Control: max-age=60, proxy-revalidate|" + Tag, 70, "GET /|Cache-Control: max-stale", "validate");
        yield return ("max-stale against s-maxage", G, "200|Cache-Control: s-maxage=60|" + Tag, 70, "GET /|Cache-Control: max-stale", "validate");
        yield return ("no-store of the request is not served", G, R, 1, "GET /|Cache-Control: no-store", "miss");
        yield return ("only-if-cached", G, R, 1, "GET /|Cache-Control: only-if-cached", "hit");
        yield return ("only-if-cached of nothing", G, R, 1, "GET /x|Cache-Control: only-if-cached", "504");
        yield return ("only-if-cached of what is stale", G, R, 61, "GET /|Cache-Control: only-if-cached", "504");
        yield return ("only-if-cached with max-stale", G, R, 61, "GET /|Cache-Control: only-if-cached, max-stale", "stale");
        yield return ("If-Match stays away", G, R, 1, "GET /|If-Match: \"v1\"", "miss");
        yield return ("If-Unmodified-Since too", G, R, 1, $"GET /|If-Unmodified-Since: {PureCache.DateAt(0)}", "miss");
        yield return ("a range of what is there", G, R, 1, "GET /|Range: bytes=0-0", "hit");
        yield return ("a range of what is stale goes as it is", G, R, 61, "GET /|Range: bytes=0-0", "miss");
    }

    private static IEnumerable<(string, string, string, int, string, string)> Varying()
    {
        const string R = "200|Cache-Control: max-age=60|Vary: ";
        yield return ("the same field", "GET /|Accept-Language: de", R + "Accept-Language", 1, "GET /|Accept-Language: de", "hit");
        yield return ("another value", "GET /|Accept-Language: de", R + "Accept-Language", 1, "GET /|Accept-Language: en", "miss");
        yield return ("absent and present", "GET /", R + "Accept-Language", 1, "GET /|Accept-Language: en", "miss");
        yield return ("absent and absent", "GET /", R + "Accept-Language", 1, "GET /", "hit");
        yield return ("a star", "GET /", R + "*", 1, "GET /", "miss");
        yield return ("a star in a list", "GET /", R + "Accept, *", 1, "GET /", "miss");
        yield return ("two fields", "GET /|X-A: 1|X-B: 2", R + "X-A, X-B", 1, "GET /|X-A: 1|X-B: 3", "miss");
        yield return ("in two lines", "GET /|X-A: 1|X-B: 2", R + "X-A|Vary: X-B", 1, "GET /|X-A: 1|X-B: 3", "miss");
        yield return ("names in any case", "GET /|x-a: 1", R + "X-A", 1, "GET /|X-a: 1", "hit");
        yield return ("blanks do not count", "GET /|Accept: a/b,c/d;q=1", R + "Accept", 1, "GET /|Accept: a/b ,  c/d;q=1", "hit");
        yield return ("lines are one list", "GET /|Accept: a/b, c/d", R + "Accept", 1, "GET /|Accept: a/b|Accept: c/d", "hit");
        yield return ("case of a language does not count", "GET /|Accept-Language: EN-us", R + "Accept-Language", 1, "GET /|Accept-Language: en-US", "hit");
        yield return ("case of a value that is not known counts", "GET /|X-A: a", R + "X-A", 1, "GET /|X-A: A", "miss");
        yield return ("codings in any order", "GET /|Accept-Encoding: gzip, br", R + "Accept-Encoding", 1, "GET /|Accept-Encoding: br;q=0.9 ,GZIP", "hit");
        yield return ("a coding that is refused", "GET /|Accept-Encoding: gzip, br", R + "Accept-Encoding", 1, "GET /|Accept-Encoding: gzip, br;q=0", "miss");
        yield return ("identity that is refused", "GET /|Accept-Encoding: gzip", R + "Accept-Encoding", 1, "GET /|Accept-Encoding: gzip, identity;q=0", "miss");
        yield return ("a client's address", "GET /", R + "X-Forwarded-For", 1, "GET /", "miss");
        yield return ("the user whom the gateway names", "GET /|X-User-Id: forged", R + "X-User-Id", 1, "GET /", "hit");
        yield return ("more fields than are compared", "GET /", R + "A,B,C,D,E,F,G,H,I", 1, "GET /", "miss");
        yield return ("a value that is too long", "GET /|X-A: " + new string('a', 2000), R + "X-A", 1, "GET /|X-A: " + new string('a', 2000), "miss");
    }

    private static IEnumerable<(string, string, string, int, string, string)> Stale()
    {
        const string G = "GET /";
        yield return ("stale-while-revalidate", G, "200|Cache-Control: max-age=60, stale-while-revalidate=30", 80, G, "stale");
        yield return ("stale-while-revalidate is over", G, "200|Cache-Control: max-age=60, stale-while-revalidate=30|" + Tag, 90, G, "validate");
        yield return ("not with must-revalidate", G, "200|Cache-Control: max-age=60, stale-while-revalidate=30, must-revalidate|" + Tag, 80, G, "validate");
        yield return ("not with s-maxage", G, "200|Cache-Control: s-maxage=60, stale-while-revalidate=30|" + Tag, 80, G, "validate");
        yield return ("not when the client says max-age", G, "200|Cache-Control: max-age=60, stale-while-revalidate=30|" + Tag, 80, "GET /|Cache-Control: max-age=600", "validate");
        yield return ("without a validator it is asked for anew", G, "200|Cache-Control: max-age=60", 61, G, "miss");
    }
}
