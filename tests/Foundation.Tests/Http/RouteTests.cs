using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Shouldly;
using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;
using Xunit;

namespace SkyRiff.Foundation.Tests.Http;

/// <summary>The steps that every route's call goes through, and what comes out when one fails.</summary>
public sealed class RouteTests : HttpTest
{
    private const string Secret = "hunter2-in-the-exception";
    private static readonly ProblemCode Custom = new("test.custom", ProblemCategory.Conflict, "A custom refusal");
    private static readonly ProblemCode Slow = new("test.slow", ProblemCategory.Limited, "Slow down");

    public sealed record Body(string? Mode = null);

    public sealed record WhoIs(long? User, string? Key, string? Fingerprint);

    public sealed class Who : IUseCase<WhoIs>
    {
        public Task<Outcome<WhoIs>> HandleAsync(Call call, CancellationToken cancellationToken) => Task.FromResult(Outcome<WhoIs>.Of(new WhoIs(call.MaybeCaller?.Subject, null, null)));
    }

    public sealed class Keyed : IUseCase<Body, WhoIs>
    {
        public Task<Outcome<WhoIs>> HandleAsync(Body request, Call call, CancellationToken cancellationToken) =>
            Task.FromResult(Outcome<WhoIs>.Of(new WhoIs(call.Caller.Subject, call.Key.Key, Convert.ToHexStringLower(call.Key.Fingerprint))));
    }

    public sealed class Fails : IUseCase<Body, Done>
    {
        public Task<Outcome<Done>> HandleAsync(Body request, Call call, CancellationToken cancellationToken) => request.Mode switch
        {
            "refuse" => Task.FromResult(Outcome<Done>.Refused(Custom.Because("Because of a \"reason\".", [new FieldError("/a", "one"), new FieldError("", "two")]))),
            "limit" => Task.FromResult(Outcome<Done>.Refused(Slow.Because("Wait.") with { RetryAfter = TimeSpan.FromSeconds(1.2), Headers = [KeyValuePair.Create("RateLimit", "\"x\";r=0")] })),
            "known" => throw new TimeoutException(Secret),
            "cancelled" => throw new OperationCanceledException(Secret),
            _ => throw new InvalidOperationException(Secret),
        };
    }

    public sealed class Pages : IUseCase<ListReply<int>>
    {
        public Task<Outcome<ListReply<int>>> HandleAsync(Call call, CancellationToken cancellationToken)
        {
            if (!call.Page("numbers").TryGet(out var page, out var problem)) return Task.FromResult(Outcome<ListReply<int>>.Refused(problem));
            var from = page.After is null ? 0 : int.Parse(page.After);
            return Task.FromResult(Outcome<ListReply<int>>.Of(call.List("numbers", [.. Enumerable.Range(from + 1, page.Limit)], $"{from + page.Limit}")));
        }
    }

    private sealed class Translator : IFaultTranslator
    {
        public Problem? Translate(Exception fault) => fault is TimeoutException ? HttpProblems.Unavailable.Because("Come back.") with { RetryAfter = TimeSpan.FromSeconds(2) } : null;
    }

    private protected override void AddServices(IServiceCollection services) => services.AddSingleton<IFaultTranslator, Translator>();

    private protected override void Map(ApiRoutes api, WebApplication app)
    {
        api.Get<Who, WhoIs>("/me");
        api.Get<Who, WhoIs>("/open").Open();
        api.Get<Who, WhoIs>("/anonymous").Anonymous();
        api.Get<Who, WhoIs>("/admin").Admin();
        api.Post<Keyed, Body, WhoIs>("/keyed").Idempotent();
        api.Post<Fails, Body, Done>("/fails").Anonymous().OptionalBody();
        api.Get<Pages, ListReply<int>>("/numbers");
        api.Raw("PUT", "/raw", async (call, token) =>
        {
            if (!(await call.ReadBodyAsync(token)).TryGet(out var body, out var problem)) await ProblemWriter.WriteAsync(call.Http, problem);
            else await call.Http.Response.WriteAsync($"{body.Length}", token);
        }).BodyMax(100_000);
        app.MapGet("/begun", async http =>
        {
            await http.Response.WriteAsync("begun", Ct);
            await http.Response.Body.FlushAsync(Ct);
            throw new InvalidOperationException(Secret);
        });
        app.MapGet("/bare/{status:int}", (HttpContext http, int status) => { http.Response.StatusCode = status; });
    }

    [Fact]
    public async Task A_refusal_is_a_problem_document_with_every_member()
    {
        var reply = await PostJsonAsync("/api/v1/fails", """{"mode":"refuse"}""");
        reply.ShouldBeRefused(HttpStatusCode.Conflict, "test.custom");
        reply.Json.EnumerateObject().Select(member => member.Name).ShouldBe(["type", "title", "status", "detail", "instance", "code", "traceId", "errors"]);
        reply.Json.GetProperty("type").GetString().ShouldBe("/docs/problems#test.custom");
        reply.Json.GetProperty("title").GetString().ShouldBe("A custom refusal");
        reply.Json.GetProperty("detail").GetString().ShouldBe("Because of a \"reason\".");
        reply.Json.GetProperty("instance").GetString().ShouldBe("/api/v1/fails");
        reply.Json.GetProperty("traceId").GetString()!.Length.ShouldBe(32);
        reply.Json.GetProperty("errors").GetRawText().ShouldBe("""[{"pointer":"/a","detail":"one"},{"pointer":"","detail":"two"}]""");
        reply.Headers["Cache-Control"].ShouldBe("no-store");
    }

    [Fact]
    public async Task A_limit_says_when_to_come_back_in_whole_seconds_rounded_up()
    {
        var reply = await PostJsonAsync("/api/v1/fails", """{"mode":"limit"}""");
        reply.ShouldBeRefused(HttpStatusCode.TooManyRequests, "test.slow");
        reply.Headers["Retry-After"].ShouldBe("2");
        reply.Headers["RateLimit"].ShouldBe("\"x\";r=0");
    }

    [Fact]
    public async Task A_fault_that_is_known_is_told_as_such_and_one_that_is_not_tells_nothing()
    {
        var known = await PostJsonAsync("/api/v1/fails", """{"mode":"known"}""");
        known.ShouldBeRefused(HttpStatusCode.ServiceUnavailable, "server.unavailable");
        known.Headers["Retry-After"].ShouldBe("2");
        foreach (var mode in new[] { "boom", "cancelled" })
        {
            var unknown = await PostJsonAsync("/api/v1/fails", $$"""{"mode":"{{mode}}"}""");
            unknown.ShouldBeRefused(HttpStatusCode.InternalServerError, "server.error");
            unknown.Body.ShouldNotContain(Secret);
            unknown.Body.ShouldNotContain("Exception");
            unknown.Body.ShouldNotContain(" at ");
        }
        Log.Entries.Count(entry => entry.Level == LogLevel.Error).ShouldBe(2, "each failure is logged once");
    }

    [Fact]
    public async Task A_failure_after_the_reply_began_cuts_it_off_rather_than_adding_to_it()
    {
        var reply = await SendRawAsync("GET /begun HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        reply.ShouldNotContain(Secret); // what had been sent may be lost with the connection; nothing may follow it
        reply.ShouldNotEndWith("0\r\n\r\n"); // the chunk that would say that this is all
    }

    [Theory]
    [InlineData(400, "request.bad")]
    [InlineData(404, "request.not_found")]
    [InlineData(405, "request.method_not_allowed")]
    [InlineData(413, "request.too_large")]
    [InlineData(415, "request.unsupported_media_type")]
    [InlineData(418, "request.bad")]
    [InlineData(500, "server.error")]
    [InlineData(503, "server.error")]
    public async Task A_bare_status_becomes_a_document(int status, string code) => (await SendAsync(HttpMethod.Get, $"/bare/{status}")).ShouldBeRefused((HttpStatusCode)status, code);

    [Theory]
    [InlineData("GET", "/api/v1/nothing", 404, "request.not_found")]
    [InlineData("GET", "/api/v1/me/", 200, null)]
    [InlineData("POST", "/api/v1/me", 405, "request.method_not_allowed")]
    [InlineData("HEAD", "/api/v1/me", 405, null)]
    [InlineData("OPTIONS", "/api/v1/me", 405, "request.method_not_allowed")]
    [InlineData("TRACE", "/api/v1/me", 405, "request.method_not_allowed")]
    [InlineData("PROPFIND", "/api/v1/me", 405, "request.method_not_allowed")]
    [InlineData("get", "/api/v1/me", 405, null)]
    public async Task A_method_that_is_not_there_is_refused_with_those_that_are(string method, string path, int status, string? code)
    {
        // As bytes: HttpClient would correct the method's case.
        var reply = await SendRawAsync($"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user-1\r\nConnection: close\r\n\r\n");
        if (method == "get" && !reply.StartsWith("HTTP/1.1 405", StringComparison.Ordinal)) reply.ShouldStartWith("HTTP/1.1 200");
        else reply.ShouldStartWith($"HTTP/1.1 {status}");
        if (code is not null) reply.ShouldContain($"\"code\":\"{code}\"");
        if (status == 405 && method != "get") reply.ShouldContain("Allow: GET");
        if (method == "HEAD") reply.ShouldEndWith("\r\n\r\n");
    }

    [Theory]
    [InlineData("/api/v1/me", null, 401)]
    [InlineData("/api/v1/me", "Bearer user-1", 200)]
    [InlineData("/api/v1/me", "bearer user-1", 200)]
    [InlineData("/api/v1/me", "Bearer  user-1 ", 200)]
    [InlineData("/api/v1/me", "Bearer", 401)]
    [InlineData("/api/v1/me", "Bearer ", 401)]
    [InlineData("/api/v1/me", "Basic dXNlcjoxMjM=", 401)]
    [InlineData("/api/v1/me", "user-1", 401)]
    [InlineData("/api/v1/me", "Bearer user-1, Bearer user-2", 401)]
    [InlineData("/api/v1/open", null, 200)]
    [InlineData("/api/v1/open", "Bearer user-1", 200)]
    [InlineData("/api/v1/open", "Bearer nobody", 401)]
    [InlineData("/api/v1/anonymous", "Bearer nobody", 200)]
    [InlineData("/api/v1/admin", "Bearer user-1", 404)]
    [InlineData("/api/v1/admin", "Bearer user-9", 200)]
    [InlineData("/api/v1/me?access_token=user-1", null, 401)]
    public async Task A_route_is_open_to_whom_it_says(string path, string? authorization, int status)
    {
        var reply = await SendAsync(HttpMethod.Get, path, token: null, prepare: request => request.Headers.TryAddWithoutValidation("Authorization", authorization is null ? [] : [authorization]));
        reply.Status.ShouldBe((HttpStatusCode)status, reply.Body);
        if (status == 401) reply.Headers["WWW-Authenticate"].ShouldBe("Bearer");
        if (status == 404) reply.ShouldBeRefused(HttpStatusCode.NotFound, "request.not_found");
    }

    [Fact]
    public async Task Two_authorizations_are_none()
    {
        var reply = await SendRawAsync("GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user-1\r\nAuthorization: Bearer user-1\r\nConnection: close\r\n\r\n");
        reply.ShouldStartWith("HTTP/1.1 401");
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("", false)]
    [InlineData("k", true)]
    [InlineData("a b", false)]
    [InlineData("~!@#$%^&*()", true)]
    [InlineData("255", true)]
    [InlineData("256", false)]
    public async Task An_idempotency_key_is_visible_ascii_of_some_length(string? key, bool taken)
    {
        var sent = key is "255" or "256" ? new string('k', int.Parse(key)) : key;
        var reply = await SendAsync(HttpMethod.Post, "/api/v1/keyed", Json("{}"), prepare: request => request.Headers.TryAddWithoutValidation("Idempotency-Key", sent));
        if (taken) reply.Json.GetProperty("key").GetString().ShouldBe(sent);
        else reply.ShouldBeRefused(HttpStatusCode.BadRequest, "request.idempotency_key_needed");
    }

    [Fact]
    public async Task Two_idempotency_keys_are_none()
    {
        var reply = await SendRawAsync("POST /api/v1/keyed HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user-1\r\nContent-Type: application/json\r\nContent-Length: 2\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\nConnection: close\r\n\r\n{}");
        reply.ShouldStartWith("HTTP/1.1 400");
        reply.ShouldContain("request.idempotency_key_needed");
    }

    [Fact]
    public async Task The_fingerprint_is_of_what_was_asked_and_of_nothing_else()
    {
        async Task<string> FingerprintAsync(string body, string key) => (await SendAsync(HttpMethod.Post, "/api/v1/keyed", Json(body), prepare: request => request.Headers.Add("Idempotency-Key", key))).Json.GetProperty("fingerprint").GetString()!;
        var first = await FingerprintAsync("""{"mode":"a"}""", "k");
        (await FingerprintAsync("""{"mode":"a"}""", "other")).ShouldBe(first);
        (await FingerprintAsync("""{"mode":"b"}""", "k")).ShouldNotBe(first);
        (await FingerprintAsync("""{"mode": "a"}""", "k")).ShouldNotBe(first);
    }

    [Theory]
    [InlineData("limit=1", 200)]
    [InlineData("limit=100", 200)]
    [InlineData("limit=0", 422)]
    [InlineData("limit=101", 422)]
    [InlineData("limit=-1", 422)]
    [InlineData("limit=1.5", 422)]
    [InlineData("limit=99999999999", 422)]
    [InlineData("limit=", 422)]
    [InlineData("limit=5&limit=6", 422)]
    [InlineData("limit=%00", 422)]
    [InlineData("cursor=", 400)]
    [InlineData("cursor=abc", 400)]
    [InlineData("cursor=%00", 400)]
    [InlineData("cursor=a&cursor=b", 400)]
    [InlineData("x=%ff%fe&&&=&==", 200)]
    public async Task A_page_has_a_size_and_a_place(string query, int status)
    {
        var reply = await SendAsync(HttpMethod.Get, "/api/v1/numbers?" + query);
        reply.Status.ShouldBe((HttpStatusCode)status, reply.Body);
        if (status == 400) reply.ShouldBeRefused(HttpStatusCode.BadRequest, "request.malformed_cursor");
        if (status == 422) reply.ShouldBeRefused((HttpStatusCode)422, "request.invalid");
    }

    [Fact]
    public async Task Pages_follow_each_other()
    {
        var first = await SendAsync(HttpMethod.Get, "/api/v1/numbers?limit=3");
        var next = first.Json.GetProperty("nextCursor").GetString();
        var second = await SendAsync(HttpMethod.Get, $"/api/v1/numbers?limit=2&cursor={next}");
        second.Json.GetProperty("items").GetRawText().ShouldBe("[4,5]");
    }

    [Fact]
    public async Task A_raw_body_is_taken_up_to_its_routes_limit()
    {
        (await SendAsync(HttpMethod.Put, "/api/v1/raw", new ByteArrayContent(new byte[100_000]))).Body.ShouldBe("100000");
        (await SendAsync(HttpMethod.Put, "/api/v1/raw", new ByteArrayContent(new byte[100_001]))).ShouldBeRefused(HttpStatusCode.RequestEntityTooLarge, "request.too_large");
    }

    [Fact]
    public async Task A_client_that_leaves_in_the_middle_is_nobodys_failure()
    {
        using (var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp))
        {
            await socket.ConnectAsync(IPAddress.Loopback, Address.Port, Ct);
            await socket.SendAsync(Encoding.ASCII.GetBytes("PUT /api/v1/raw HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user-1\r\nContent-Length: 1000\r\n\r\nabc"), Ct);
            await Testing.Eventually.TrueAsync(() => Volatile.Read(ref Callers.Asked) == 1, "the request did not arrive");
            socket.LingerState = new System.Net.Sockets.LingerOption(true, 0); // closing resets the connection
        }
        await Testing.Eventually.TrueAsync(() => Log.Entries.Any(entry => entry.Text.Contains("Request finished", StringComparison.Ordinal) || entry.Text.Contains("reset", StringComparison.OrdinalIgnoreCase)), "the server did not notice");
        (await SendAsync(HttpMethod.Get, "/api/v1/me")).Status.ShouldBe(HttpStatusCode.OK);
        // Kestrel itself may remark that it could not read the rest away.
        Log.Entries.Where(entry => entry.Level >= LogLevel.Warning && entry.Text.StartsWith("SkyRiff.", StringComparison.Ordinal)).Select(entry => entry.Text).ShouldBeEmpty();
    }

    [Fact]
    public async Task An_optional_body_may_be_absent_but_not_wrong()
    {
        (await SendAsync(HttpMethod.Post, "/api/v1/fails")).ShouldBeRefused(HttpStatusCode.InternalServerError, "server.error"); // came through to the use case
        (await SendAsync(HttpMethod.Post, "/api/v1/fails", Json("{"))).ShouldBeRefused(HttpStatusCode.BadRequest, "request.malformed_json");
        (await SendAsync(HttpMethod.Post, "/api/v1/fails", new ByteArrayContent("{}"u8.ToArray()))).ShouldBeRefused(HttpStatusCode.UnsupportedMediaType, "request.unsupported_media_type");
    }

    private static ByteArrayContent Json(string json) => new(Encoding.UTF8.GetBytes(json)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
}
