using System.Diagnostics;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Shouldly;
using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;
using Xunit;

namespace SkyRiff.Foundation.Tests.Http;

/// <summary>What of a body is taken, and how the rest is refused.</summary>
public sealed class JsonBodyTests : HttpTest
{
    private const int BodyBytesMax = 10_000;

    public sealed record Thing(string Name, int Count, ThingId? Other = null, DateTimeOffset? When = null, Inner? Inner = null, IReadOnlyList<string>? Tags = null, Shade? Shade = null, bool Flag = false);

    public sealed record Inner(string Word);

    public enum Shade
    {
        Light,
        VeryDark,
    }

    public sealed class Echo : IUseCase<Thing, Thing>
    {
        public Task<Outcome<Thing>> HandleAsync(Thing request, Call call, CancellationToken cancellationToken) => Task.FromResult(Outcome<Thing>.Of(request));
    }

    private protected override void Map(ApiRoutes api, WebApplication app) => api.Post<Echo, Thing, Thing>("/things").BodyMax(BodyBytesMax).Says("Echoes.");

    private Task<Reply> PostAsync(string json) => PostJsonAsync("/api/v1/things", json);

    [Fact]
    public async Task What_has_the_form_is_taken()
    {
        var reply = await PostAsync("""{"name":"é\ud83d\ude00\n","count":-7,"other":"42","when":"2026-11-20T10:00:00+02:00","inner":{"word":"x"},"tags":["a","b"],"shade":"veryDark","flag":true}""");
        reply.Status.ShouldBe(HttpStatusCode.OK, reply.Body);
        reply.Body.ShouldBe("""{"name":"é\uD83D\uDE00\n","count":-7,"other":"42","when":"2026-11-20T08:00:00.000Z","inner":{"word":"x"},"tags":["a","b"],"shade":"veryDark","flag":true}""");
        reply.Headers["Cache-Control"].ShouldBe("no-store");
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("{")]
    [InlineData("{\"name\":\"a\",\"count\":1")]
    [InlineData("{\"name\":\"a\",\"count\":1}}")]
    [InlineData("{\"name\":\"a\",\"count\":1} x")]
    [InlineData("{\"name\":\"a\",\"count\":1}{\"name\":\"a\",\"count\":1}")]
    [InlineData("{\"name\":\"a\",\"count\":1,}")]
    [InlineData("{'name':'a','count':1}")]
    [InlineData("{name:\"a\",count:1}")]
    [InlineData("/* hello */ {\"name\":\"a\",\"count\":1}")]
    [InlineData("{\"name\":\"a\tb\",\"count\":1}")]
    [InlineData("{\"name\":\"a\",\"count\":01}")]
    [InlineData("{\"name\":\"a\",\"count\":+1}")]
    [InlineData("{\"name\":\"a\",\"count\":0x1}")]
    [InlineData("{\"name\":\"a\",\"count\":NaN}")]
    [InlineData("{\"name\":\"a\",\"count\":Infinity}")]
    [InlineData("{\"name\":\"\\x41\",\"count\":1}")]
    [InlineData("{\"name\":\"\\ud8\",\"count\":1}")]
    [InlineData("name=a&count=1")]
    [InlineData("<thing/>")]
    public async Task What_is_not_json_is_malformed(string body) => (await PostAsync(body)).ShouldBeRefused(HttpStatusCode.BadRequest, "request.malformed_json");

    [Fact]
    public async Task Bytes_that_are_not_utf8_are_malformed()
    {
        byte[][] bodies =
        [
            [0xEF, 0xBB, 0xBF, .. "{\"name\":\"a\",\"count\":1}"u8], // a byte order mark
            [.. "{\"name\":\""u8, 0xC3, .. "\",\"count\":1}"u8], // a cut sequence
            [.. "{\"name\":\""u8, 0xC0, 0x80, .. "\",\"count\":1}"u8], // NUL, overlong
            [.. "{\"name\":\""u8, 0xED, 0xA0, 0x80, .. "\",\"count\":1}"u8], // a surrogate
            [.. "{\"name\":\""u8, 0xF4, 0x90, 0x80, 0x80, .. "\",\"count\":1}"u8], // past the end of Unicode
            [.. "{\"name\":\""u8, 0xFF, .. "\",\"count\":1}"u8],
            [.. "{\"name\":\""u8, 0x00, .. "\",\"count\":1}"u8],
            Encoding.Unicode.GetBytes("{\"name\":\"a\",\"count\":1}"),
            new byte[100],
        ];
        foreach (var body in bodies) (await PostJsonAsync("/api/v1/things", body)).ShouldBeRefused(HttpStatusCode.BadRequest, "request.malformed_json");
    }

    [Theory]
    [InlineData("null", "")]
    [InlineData("[]", "")]
    [InlineData("\"text\"", "")]
    [InlineData("7", "")]
    [InlineData("{}", "/name,/count")]
    [InlineData("""{"name":"a"}""", "/count")]
    [InlineData("""{"Name":"a","count":1}""", "/Name")]
    [InlineData("""{"name":null,"count":1}""", "/name")]
    [InlineData("""{"name":7,"count":1}""", "/name")]
    [InlineData("""{"name":["a"],"count":1}""", "/name")]
    [InlineData("""{"name":"a","count":null}""", "/count")]
    [InlineData("""{"name":"a","count":"1"}""", "/count")]
    [InlineData("""{"name":"a","count":1.5}""", "/count")]
    [InlineData("""{"name":"a","count":1e2}""", "/count")]
    [InlineData("""{"name":"a","count":2147483648}""", "/count")]
    [InlineData("""{"name":"a","count":-2147483649}""", "/count")]
    [InlineData("""{"name":"a","count":99999999999999999999999999999999999999999999}""", "/count")]
    [InlineData("""{"name":"a","count":1e99999}""", "/count")]
    [InlineData("""{"name":"a","count":true}""", "/count")]
    [InlineData("""{"name":"a","count":1,"name":"b"}""", "/name")]
    [InlineData("""{"name":"a","count":1,"n\u0061me":"b"}""", "/name")]
    [InlineData("""{"name":"a","count":1,"role":"admin"}""", "/role")]
    [InlineData("""{"name":"a","count":1,"__proto__":{}}""", "/__proto__")]
    [InlineData("""{"name":"a","count":1,"$type":"System.IO.FileInfo"}""", "/$type")]
    [InlineData("""{"name":"a\u0000b","count":1}""", "/name")]
    [InlineData("""{"name":"\ud800","count":1}""", "/name")]
    [InlineData("""{"name":"\udc00\ud800","count":1}""", "/name")]
    [InlineData("""{"name":"a","count":1,"other":42}""", "/other")]
    [InlineData("""{"name":"a","count":1,"other":"042"}""", "/other")]
    [InlineData("""{"name":"a","count":1,"other":"-1"}""", "/other")]
    [InlineData("""{"name":"a","count":1,"other":"9223372036854775808"}""", "/other")]
    [InlineData("""{"name":"a","count":1,"other":"\ud800"}""", "/other")]
    [InlineData("""{"name":"a","count":1,"when":"yesterday"}""", "/when")]
    [InlineData("""{"name":"a","count":1,"when":0}""", "/when")]
    [InlineData("""{"name":"a","count":1,"inner":{"word":7}}""", "/inner/word")]
    [InlineData("""{"name":"a","count":1,"inner":{"word":"x","more":1}}""", "/inner/more")]
    [InlineData("""{"name":"a","count":1,"inner":{}}""", "/inner/word")]
    [InlineData("""{"name":"a","count":1,"inner":[]}""", "/inner")]
    [InlineData("""{"name":"a","count":1,"tags":["a",7]}""", "/tags/1")]
    [InlineData("""{"name":"a","count":1,"tags":{"0":"a"}}""", "/tags")]
    [InlineData("""{"name":"a","count":1,"shade":1}""", "/shade")]
    [InlineData("""{"name":"a","count":1,"shade":"none"}""", "/shade")]
    [InlineData("""{"name":"a","count":1,"flag":"true"}""", "/flag")]
    [InlineData("""{"name":"a","count":1,"a/b~c":1}""", "/a~1b~0c")]
    public async Task What_has_another_form_is_refused_with_pointers(string body, string pointers)
    {
        var reply = await PostAsync(body);
        reply.ShouldBeRefused((HttpStatusCode)422, "request.invalid");
        reply.Pointers.ShouldBe(pointers.Split(','));
    }

    [Fact]
    public async Task A_lone_surrogate_as_a_name_is_refused() => (await PostAsync("""{"\ud800":1,"name":"a","count":1}""")).ShouldBeRefused((HttpStatusCode)422, "request.invalid");

    [Theory]
    [InlineData(100)]
    [InlineData(1_500)]
    public async Task Deep_nesting_is_malformed(int depth)
    {
        (await PostAsync(string.Concat(Enumerable.Repeat("[", depth)) + string.Concat(Enumerable.Repeat("]", depth)))).ShouldBeRefused(HttpStatusCode.BadRequest, "request.malformed_json");
        (await PostAsync(string.Concat(Enumerable.Repeat("{\"a\":", depth / 2)) + "1" + new string('}', depth / 2))).ShouldBeRefused(HttpStatusCode.BadRequest, "request.malformed_json");
    }

    [Fact]
    public async Task A_members_name_cannot_cost_time_or_a_long_answer()
    {
        // Every ['  begins a step that a search for its end would walk over; the line break keeps the search from ever ending.
        var name = "x'] " + string.Concat(Enumerable.Repeat("['", 4_500)) + "\\n.";
        var started = Stopwatch.GetTimestamp();
        var reply = await PostAsync($$"""{"{{name}}":1,"name":"a","count":1}""");
        reply.ShouldBeRefused((HttpStatusCode)422, "request.invalid");
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(2));
        reply.Body.Length.ShouldBeLessThan(2_000);
    }

    [Theory]
    [InlineData(BodyBytesMax - 1, true)]
    [InlineData(BodyBytesMax, true)]
    [InlineData(BodyBytesMax + 1, false)]
    [InlineData(BodyBytesMax + 2, false)]
    [InlineData(300_000, false)]
    public async Task A_body_is_taken_up_to_its_limit(int length, bool taken)
    {
        const string Frame = """{"name":"","count":1}""";
        var body = Encoding.UTF8.GetBytes(Frame.Insert(9, new string('x', length - Frame.Length)));
        foreach (var announced in new[] { true, false })
        {
            HttpContent content = announced ? new ByteArrayContent(body) : new Unannounced(body);
            content.Headers.Add("Content-Type", "application/json");
            var reply = await SendAsync(HttpMethod.Post, "/api/v1/things", content);
            if (taken) reply.Status.ShouldBe(HttpStatusCode.OK, reply.Body[..Math.Min(200, reply.Body.Length)]);
            else reply.ShouldBeRefused(HttpStatusCode.RequestEntityTooLarge, "request.too_large");
        }
    }

    [Fact]
    public async Task What_is_announced_takes_no_memory()
    {
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var reply = await SendRawAsync($"POST /api/v1/things HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user-1\r\nContent-Type: application/json\r\nContent-Length: 2000000000\r\nConnection: close\r\n\r\n{{");
        reply.ShouldStartWith("HTTP/1.1 413");
        (GC.GetTotalAllocatedBytes(precise: true) - before).ShouldBeLessThan(20_000_000);
    }

    [Theory]
    [InlineData("application/json", true)]
    [InlineData("Application/JSON; charset=UTF-8", true)]
    [InlineData("application/json; charset=\"utf-8\"", true)]
    [InlineData("application/json; charset=utf-16", false)]
    [InlineData("application/json; charset=latin1", false)]
    [InlineData("text/json", false)]
    [InlineData("text/plain", false)]
    [InlineData("application/x-www-form-urlencoded", false)]
    [InlineData("multipart/form-data; boundary=x", false)]
    [InlineData("application/json, application/json", false)]
    [InlineData("application/jsonp", false)]
    [InlineData("*/*", false)]
    [InlineData("json", false)]
    [InlineData("", false)]
    public async Task Only_json_in_utf8_is_taken(string contentType, bool taken)
    {
        var content = new ByteArrayContent("""{"name":"a","count":1}"""u8.ToArray());
        if (contentType.Length > 0) content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        var reply = await SendAsync(HttpMethod.Post, "/api/v1/things", content);
        if (taken) reply.Status.ShouldBe(HttpStatusCode.OK, reply.Body);
        else reply.ShouldBeRefused(HttpStatusCode.UnsupportedMediaType, "request.unsupported_media_type");
    }

    [Fact]
    public async Task A_compressed_body_is_not_taken()
    {
        var content = new ByteArrayContent("""{"name":"a","count":1}"""u8.ToArray()) { Headers = { { "Content-Type", "application/json" }, { "Content-Encoding", "gzip" } } };
        (await SendAsync(HttpMethod.Post, "/api/v1/things", content)).ShouldBeRefused(HttpStatusCode.UnsupportedMediaType, "request.unsupported_media_type");
    }

    /// <summary>Goes out in chunks, since its length is not told.</summary>
    private sealed class Unannounced(byte[] bytes) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => stream.WriteAsync(bytes, CancellationToken.None).AsTask();

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
