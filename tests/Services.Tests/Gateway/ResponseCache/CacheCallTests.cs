using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.ResponseCache;
using SkyRiff.Kernel;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.ResponseCache;

public sealed class CacheCallTests
{
    private const string Fresh = "200|Cache-Control: max-age=60|ETag: \"v1\"|X-A: 1";

    [Fact]
    public void A_304_makes_the_stored_response_fresh_with_the_fields_that_it_brings()
    {
        var cache = new PureCache();
        cache.Exchange("GET /", Fresh, out _);
        cache.Now = 100;
        cache.Exchange("GET /", "304|Cache-Control: max-age=500|X-A: 2|ETag: \"v1\"|Content-Type: text/evil", out _).ShouldBe("validate, validated");
        cache.Now = 500;
        var again = cache.Begin("GET /", out _);
        cache.Described(again).ShouldBe("hit");
        var stored = again.Cache!.Stored!;
        Encoding.ASCII.GetString(stored.Body).ShouldBe("ok");
        stored.Head.TryGet("X-A"u8, out var value).ShouldBeTrue();
        Encoding.ASCII.GetString(value).ShouldBe("2");
        stored.Head.Has(KnownField.ContentType).ShouldBeFalse();
        stored.Head.ContentLength.ShouldBe(2);
        PureCache.End(again);
    }

    [Fact]
    public void A_304_about_another_response_freshens_nothing()
    {
        var cache = new PureCache();
        cache.Exchange("GET /", Fresh, out _);
        cache.Now = 100;
        cache.Exchange("GET /", "304|Cache-Control: max-age=500|ETag: \"v2\"", out _).ShouldBe("validate, validated");
        cache.Ask("GET /").ShouldBe("miss");
    }

    [Fact]
    public void A_200_replaces_what_was_stale()
    {
        var cache = new PureCache();
        cache.Exchange("GET /", Fresh, out _);
        cache.Now = 100;
        cache.Exchange("GET /", "200|Cache-Control: max-age=60|ETag: \"v2\"", out _, "v2").ShouldBe("validate");
        var again = cache.Begin("GET /", out _);
        Encoding.ASCII.GetString(again.Cache!.Stored!.Body).ShouldBe("v2");
        PureCache.End(again);
        cache.Store.Count.ShouldBe(1);
    }

    [Fact]
    public void A_response_that_is_not_for_sharing_any_more_takes_the_old_one_away()
    {
        var cache = new PureCache();
        cache.Exchange("GET /", Fresh, out _);
        cache.Now = 100;
        cache.Exchange("GET /", "200|Cache-Control: private", out _).ShouldBe("validate");
        cache.Ask("GET /").ShouldBe("miss");
    }

    [Theory]
    [InlineData("200|Cache-Control: max-age=60, stale-if-error=100", 100, "error hidden")]
    [InlineData("200|Cache-Control: max-age=60, stale-if-error=30", 100, "")]
    [InlineData("200|Cache-Control: max-age=60, stale-if-error=100, must-revalidate", 100, "")]
    [InlineData("200|Cache-Control: max-age=60", 100, "")]
    public void An_error_is_hidden_only_where_that_is_allowed(string first, int seconds, string expected)
    {
        var cache = new PureCache();
        cache.Exchange("GET /", first, out _);
        cache.Now = seconds;
        cache.Exchange("GET /", "503", out _).EndsWith("error hidden", StringComparison.Ordinal).ShouldBe(expected.Length > 0);
    }

    [Fact]
    public void The_route_may_allow_it_where_the_response_does_not_say()
    {
        var cache = new PureCache(c => c with { StaleIfError = TimeSpan.FromMinutes(10), StaleWhileRevalidate = TimeSpan.FromMinutes(1) });
        cache.Exchange("GET /", Fresh, out _);
        cache.Now = 80;
        cache.Ask("GET /").ShouldBe("stale");
        cache.Store.Refreshes.Jobs.TryRead(out var job).ShouldBeTrue();
        cache.Store.End(job!.Flight);
        cache.Now = 400;
        cache.Exchange("GET /", "500", out _).ShouldBe("validate, error hidden");
    }

    [Fact]
    public void Heuristics_are_a_choice_and_bounded()
    {
        var modified = $"200|Date: {PureCache.DateAt(0)}|Last-Modified: {PureCache.DateAt(-1000)}";
        var careful = new PureCache();
        careful.Exchange("GET /", modified, out _);
        careful.Ask("GET /").ShouldBe("miss");
        var bold = new PureCache(c => c with { HeuristicMax = TimeSpan.FromSeconds(50) });
        bold.Exchange("GET /", modified, out _);
        bold.Exchange("GET /302", modified.Replace("200", "302", StringComparison.Ordinal), out _);
        bold.Exchange("GET /tenth", modified.Replace("-1000", "", StringComparison.Ordinal).Replace(PureCache.DateAt(-1000), PureCache.DateAt(-100), StringComparison.Ordinal), out _);
        bold.Now = 9;
        bold.Ask("GET /tenth").ShouldBe("hit");
        bold.Ask("GET /302").ShouldBe("miss");
        bold.Now = 10;
        bold.Ask("GET /tenth").ShouldBe("validate");
        bold.Now = 49;
        bold.Ask("GET /").ShouldBe("hit");
        bold.Now = 50;
        bold.Ask("GET /").ShouldBe("validate");
    }

    [Fact]
    public void Clients_are_not_obeyed_where_the_route_says_so()
    {
        var cache = new PureCache(c => c with { ObeysClients = false });
        cache.Exchange("GET /", Fresh, out _);
        cache.Ask("GET /|Cache-Control: no-cache").ShouldBe("hit");
        cache.Ask("GET /x|Cache-Control: only-if-cached").ShouldBe("miss");
    }

    [Theory]
    [InlineData("POST /a", "200", "miss")]
    [InlineData("DELETE /a", "204", "miss")]
    [InlineData("PATCH /a", "303", "miss")]
    [InlineData("PROPPATCH /a", "200", "miss")]
    [InlineData("POST /a", "404", "hit")]
    [InlineData("POST /a", "500", "hit")]
    [InlineData("POST /b", "201|Location: /a", "miss")]
    [InlineData("POST /b", "201|Location: http://a.example/a#x", "miss")]
    [InlineData("POST /b", "200|Content-Location: https://A.EXAMPLE/a", "miss")]
    [InlineData("POST /b", "201|Location: http://b.example/a", "hit")]
    [InlineData("POST /b", "201|Location: //b.example/a", "hit")]
    [InlineData("OPTIONS /a", "200", "hit")]
    public void What_changes_something_makes_it_out_of_date(string change, string response, string expected)
    {
        var cache = new PureCache();
        cache.Exchange("GET /a", Fresh, out _);
        cache.Exchange(change, response, out _);
        cache.Ask("GET /a").ShouldBe(expected);
    }

    [Fact]
    public void A_change_through_a_route_that_does_not_cache_counts_too()
    {
        var cache = new PureCache(edge: e => e with { Routes = [e.Routes[0] with { Methods = ["GET"] }, new RouteConfig("writes") { Cluster = "c", Methods = ["PUT"] }] });
        cache.Exchange("GET /a", Fresh, out _);
        cache.Ask("GET /a").ShouldBe("hit");
        cache.Exchange("PUT /a", "200", out _);
        cache.Ask("GET /a").ShouldBe("miss");
    }

    [Fact]
    public void Plain_and_secure_requests_do_not_share()
    {
        var cache = new PureCache();
        cache.Exchange("GET /", Fresh, out _);
        var secure = cache.Begin("GET /", out _, isHttps: true);
        cache.Described(secure).ShouldBe("miss");
        PureCache.End(secure);
    }

    [Fact]
    public void A_reload_that_leaves_the_route_keeps_its_responses_and_one_that_changes_it_does_not()
    {
        var cache = new PureCache();
        cache.Exchange("GET /", Fresh, out _);
        EdgeSnapshot Reload(Func<RouteConfig, RouteConfig> change) => EdgeCompiler.Compile(
            cache.Snapshot.Config with { Routes = [change(cache.Snapshot.Config.Routes[0])] }, cache.Snapshot, Entropy.Seeded(2), cache.TimeNow.Nanoseconds);
        cache.Snapshot = Reload(r => r with { Timeout = TimeSpan.FromSeconds(1) });
        cache.Ask("GET /").ShouldBe("hit");
        cache.Snapshot = Reload(r => r with { Rewrite = PathRewrite.TryParse("/other", r.Path) });
        cache.Ask("GET /").ShouldBe("miss");
    }

    [Fact]
    public void One_leads_and_others_wait_until_it_is_over()
    {
        var cache = new PureCache();
        var leader = cache.Begin("GET /", out var head);
        cache.Described(leader).ShouldBe("miss");
        var waiter = cache.Begin("GET /", out var waiting);
        cache.Described(waiter).ShouldBe("wait");
        var woken = 0;
        waiter.Cache!.Flight!.TryWait(() => woken++, 1).ShouldBeTrue();
        waiter.Cache.Flight.TryWait(() => woken++, 1).ShouldBeFalse(); // no more than may
        Answer(cache, leader, head, Fresh);
        woken.ShouldBe(1);
        waiter.Cache.LookAgain(waiting, waiter, cache.TimeNow.Nanoseconds, gaveUp: false);
        cache.Described(waiter).ShouldBe("hit");
        PureCache.Fields(waiter).ShouldContain("fwd=uri-miss; collapsed");
        PureCache.End(waiter);
    }

    [Fact]
    public void Nobody_waits_for_a_response_that_is_one_clients()
    {
        var cache = new PureCache();
        var leader = cache.Begin("GET /", out var head);
        var waiter = cache.Begin("GET /", out var waiting);
        var woken = 0;
        waiter.Cache!.Flight!.TryWait(() => woken++, 10).ShouldBeTrue();
        leader.Cache!.OnResponse(PureCache.Response("200|Cache-Control: private"), head, leader, cache.TimeNow);
        woken.ShouldBe(1, "at the head, not at the end of the body");
        waiter.Cache.LookAgain(waiting, waiter, cache.TimeNow.Nanoseconds, gaveUp: false);
        cache.Described(waiter).ShouldBe("miss");
        cache.Ask("GET /").ShouldBe("miss"); // goes at once, although another is under way
        PureCache.End(leader);
        PureCache.End(waiter);
    }

    [Fact]
    public void A_leader_that_leaves_wakes_those_who_wait()
    {
        var cache = new PureCache();
        var leader = cache.Begin("GET /", out var head);
        var waiter = cache.Begin("GET /", out var waiting);
        var woken = 0;
        waiter.Cache!.Flight!.TryWait(() => woken++, 10).ShouldBeTrue();
        leader.Cache!.OnResponse(PureCache.Response(Fresh), head, leader, cache.TimeNow);
        woken.ShouldBe(0);
        PureCache.End(leader);
        woken.ShouldBe(1);
        waiter.Cache.LookAgain(waiting, waiter, cache.TimeNow.Nanoseconds, gaveUp: false);
        cache.Described(waiter).ShouldBe("miss"); // and leads now
        cache.Ask("GET /").ShouldBe("wait");
        PureCache.End(waiter);
        cache.Store.Captures.Used.ShouldBe(0);
    }

    [Fact]
    public void Requests_with_credentials_do_not_wait_for_those_without()
    {
        var cache = new PureCache();
        var leader = cache.Begin("GET /", out _);
        cache.Ask("GET /|Cookie: a=b").ShouldBe("miss");
        cache.Ask("GET /").ShouldBe("wait");
        PureCache.End(leader);
    }

    [Fact]
    public void A_use_while_stale_asks_for_one_refresh()
    {
        var cache = new PureCache();
        cache.Exchange("GET /?q", "200|Cache-Control: max-age=60, stale-while-revalidate=30|ETag: \"v1\"", out _);
        cache.Now = 70;
        cache.Ask("GET /?q|Accept: a/b").ShouldBe("stale");
        cache.Ask("GET /?q").ShouldBe("stale");
        cache.Store.Refreshes.Jobs.TryRead(out var job).ShouldBeTrue();
        cache.Store.Refreshes.Jobs.TryRead(out _).ShouldBeFalse();
        Encoding.ASCII.GetString(job!.Request.Query).ShouldBe("q");
        cache.Store.End(job.Flight);
        cache.Ask("GET /?q").ShouldBe("stale");
        cache.Store.Refreshes.Jobs.TryRead(out job).ShouldBeTrue("the one before is over");
        cache.Store.End(job!.Flight);
    }

    [Theory]
    [InlineData("HEAD /")]
    [InlineData("GET /|Range: bytes=0-0")]
    public void What_could_not_fill_the_cache_does_not_refresh_it(string request)
    {
        var cache = new PureCache();
        cache.Exchange("GET /", "200|Cache-Control: max-age=60, stale-while-revalidate=30", out _);
        cache.Now = 70;
        cache.Ask(request).ShouldBe("stale");
        cache.Store.Refreshes.Jobs.TryRead(out _).ShouldBeFalse();
    }

    [Fact]
    public void What_it_did_is_told()
    {
        var cache = new PureCache();
        var first = cache.Begin("GET /", out var head);
        first.Cache!.OnResponse(PureCache.Response(Fresh), head, first, cache.TimeNow);
        PureCache.Fields(first).ShouldBe("Cache-Status: skyriff; fwd=uri-miss; stored\r\n");
        first.Cache.Capture!.Append("ok"u8);
        first.Cache.OnBodyComplete(null, default);
        PureCache.End(first);
        cache.Now = 7;
        var second = cache.Begin("GET /", out _);
        PureCache.Fields(second).ShouldBe("Age: 7\r\nCache-Status: skyriff; hit; ttl=53\r\n");
        PureCache.End(second);
        var bypass = cache.Begin("GET /|Cache-Control: no-store", out _);
        PureCache.Fields(bypass).ShouldBe("Cache-Status: skyriff; fwd=bypass\r\n");
        PureCache.End(bypass);
    }

    [Fact]
    public void A_hit_allocates_nothing()
    {
        var cache = new PureCache();
        cache.Exchange("GET /", "200|Cache-Control: max-age=60|Vary: Accept-Language, Accept-Encoding", out _);
        var verdict = new EdgeVerdict();
        var head = PureCache.Request("GET /");
        var ids = new SpanIds(Entropy.Seeded(1));
        var buffer = new byte[4096];
        Allocations.Of(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                cache.Snapshot.Decide(head, default, isHttps: false, cache.TimeNow, ref ids, verdict);
                if (verdict.Cache is not { Step: CacheStep.Serve, Stored: { } stored }) throw new InvalidOperationException("No hit.");
                var reply = StoredReply.Of(stored, head, null);
                var writer = new HeadWriter(buffer);
                ForwardedHeads.WriteResponse(ref writer, reply.Head, verdict, BodyKind.Length, keepAlive: true, clientIsHttp10: false);
                verdict.Cache.End();
            }
        }).ShouldBe(0);
    }

    [Fact]
    public void Directives_of_any_bytes_are_read_without_an_exception() => Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
    {
        new CacheDirectives().Add(bytes);
        return HttpDate.TryParse(bytes, out var seconds) || seconds == 0;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Directives_of_nearly_right_texts_are_read_without_an_exception()
    {
        string[] parts = ["max-age", "s-maxage", "no-cache", "private", "=", "\"", "\\", ",", " ", "60", "-", "a", "\t", "stale-if-error"];
        Prop.ForAll(Gen.ArrayOf(Gen.Elements(parts)).ToArbitrary(), chosen =>
        {
            var text = string.Concat(chosen);
            var directives = new CacheDirectives();
            directives.Add(Encoding.ASCII.GetBytes(text));
            directives.MaxAge.ShouldBeInRange(-1, CacheDirectives.SecondsMax, text);
            directives.SharedMaxAge.ShouldBeInRange(-1, CacheDirectives.SecondsMax, text);
        }).QuickCheckThrowOnFailure();
    }

    private static void Answer(PureCache cache, EdgeVerdict verdict, RequestHead head, string response)
    {
        verdict.Cache!.OnResponse(PureCache.Response(response), head, verdict, cache.TimeNow);
        verdict.Cache.Capture?.Append("ok"u8);
        verdict.Cache.OnBodyComplete(null, default);
        PureCache.End(verdict);
    }
}
