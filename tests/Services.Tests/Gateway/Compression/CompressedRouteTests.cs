using System.Text;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Services.Tests.Gateway.Lean;
using SkyRiff.Services.Tests.Gateway.ResponseCache;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Compression;

/// <summary>Compression through both fronts, alone and with the cache.</summary>
public sealed class CompressedRouteTests
{
    private static readonly CompressConfig Compress = new() { BytesMin = 100 };
    private static readonly string Page = string.Concat(Enumerable.Range(0, 20_000).Select(i => $"<li>{i * i % 977}</li>"));

    public static TheoryData<string, string> FrontsAndCodings => new() { { "lean", "br" }, { "lean", "gzip" }, { "kestrel", "br" }, { "kestrel", "gzip" } };

    [Theory]
    [MemberData(nameof(FrontsAndCodings))]
    public async Task A_page_is_compressed_for_whom_takes_it_and_only_for_them(string front, string coding)
    {
        await using var upstream = ScriptedUpstream.Answering(Response("Content-Type: text/html\r\nETag: \"v1\"\r\n"));
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Compress = Compress });
        var (head, body) = await gateway.AskAsync("GET /", $"Accept-Encoding: {coding}\r\n");
        Wire.Header(head, "Content-Encoding").ShouldBe(coding);
        Wire.Header(head, "Vary").ShouldBe("Accept-Encoding");
        Wire.Header(head, "ETag").ShouldBe("W/\"v1\"");
        Wire.Header(head, "Content-Length").ShouldBeNull();
        body.Length.ShouldBeLessThan(Page.Length / 3);
        Text(body, coding).ShouldBe(Page);

        (head, body) = await gateway.AskAsync("GET /", "Accept-Encoding: identity\r\n");
        Wire.Header(head, "Content-Encoding").ShouldBeNull();
        Wire.Header(head, "Vary").ShouldBe("Accept-Encoding");
        Wire.Header(head, "ETag").ShouldBe("\"v1\"");
        body.ShouldBe(Page);
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task A_head_says_what_a_get_would(string front)
    {
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is not null) await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\n");
        });
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Compress = Compress });
        var (head, _) = await gateway.AskAsync("HEAD /", "Accept-Encoding: gzip\r\n");
        Wire.Header(head, "Content-Encoding").ShouldBe("gzip");
        Wire.Header(head, "Content-Length").ShouldBeNull();
    }

    [Theory]
    [InlineData("lean", "Content-Type: image/png\r\n")]
    [InlineData("kestrel", "Content-Type: image/png\r\n")]
    [InlineData("lean", "Content-Type: text/html\r\nContent-Encoding: gzip\r\n")]
    [InlineData("kestrel", "Content-Type: text/html\r\nContent-Encoding: gzip\r\n")]
    [InlineData("lean", "Content-Type: text/html\r\nCache-Control: no-transform\r\n")]
    public async Task What_is_not_to_be_compressed_passes_byte_for_byte(string front, string fields)
    {
        await using var upstream = ScriptedUpstream.Answering(Response(fields));
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Compress = Compress });
        var (head, body) = await gateway.AskAsync("GET /", "Accept-Encoding: gzip, br\r\n");
        body.ShouldBe(Page);
        Wire.Header(head, "Content-Length").ShouldBe(Page.Length.ToString());
        Wire.Header(head, "Vary").ShouldBeNull();
    }

    [Theory]
    [MemberData(nameof(FrontsAndCodings))]
    public async Task A_body_that_comes_slowly_leaves_as_it_comes(string front, string coding)
    {
        var next = new SemaphoreSlim(0);
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            await wire.ReadHeadAsync();
            await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
            await next.WaitAsync(TestContext.Current.CancellationToken);
            await wire.WriteAsync("6\r\nsecond\r\n0\r\n\r\n");
            await wire.ReadHeadAsync();
        });
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Compress = Compress });
        using var wire = await gateway.ConnectAsync();
        await wire.WriteAsync($"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {coding}\r\n\r\n");
        Wire.Header((await wire.ReadHeadAsync())!, "Content-Encoding").ShouldBe(coding);
        var received = new StringBuilder();
        while (true)
        {
            var size = Convert.ToInt32((await wire.ReadUntilAsync("\r\n"))[..^2], 16);
            received.Append((await wire.ReadAsync(size + 2))[..size]);
            if (size == 0) break;
            // What came so far can be read before the rest is there, or else this waits for ever.
            if (Start(received.ToString(), coding) == "first") next.Release();
        }
        Text(received.ToString(), coding).ShouldBe("firstsecond");
    }

    [Theory]
    [MemberData(nameof(FrontsAndCodings))]
    public async Task The_compressed_form_is_stored_beside_the_plain_one(string front, string coding)
    {
        await using var upstream = ScriptedUpstream.Answering(Response("Content-Type: text/html\r\nCache-Control: max-age=60\r\nETag: \"v1\"\r\n"));
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Compress = Compress, Cache = new CacheConfig() });
        (await gateway.AskAsync("GET /")).Body.ShouldBe(Page); // stored plain
        var before = gateway.Store.Bytes;
        var (made, body) = await gateway.AskAsync("GET /", $"Accept-Encoding: {coding}\r\n"); // compressed on its way
        Wire.Header(made, "Content-Length").ShouldBeNull();
        Text(body, coding).ShouldBe(Page);
        gateway.Store.Bytes.ShouldBe(before + body.Length);
        var (stored, again) = await gateway.AskAsync("GET /", $"Accept-Encoding: {coding}\r\n"); // as it was made
        Wire.Header(stored, "Content-Length").ShouldBe(body.Length.ToString());
        Wire.Header(stored, "Vary").ShouldBe("Accept-Encoding");
        Wire.Header(stored, "ETag").ShouldBe("W/\"v1\"");
        again.ShouldBe(body);
        var (plain, whole) = await gateway.AskAsync("GET /");
        whole.ShouldBe(Page);
        Wire.Header(plain, "Vary").ShouldBe("Accept-Encoding");
        var (part, cut) = await gateway.AskAsync("GET /", $"Accept-Encoding: {coding}\r\nRange: bytes=1-3\r\n"); // of the plain form
        cut.ShouldBe(Page[1..4]);
        Wire.Header(part, "Vary").ShouldBe("Accept-Encoding");
        // Who has the compressed form is told so by its tag.
        var (unchanged, _) = await gateway.AskAsync("GET /", $"Accept-Encoding: {coding}\r\nIf-None-Match: W/\"v1\"\r\n");
        unchanged.ShouldStartWith("HTTP/1.1 304 ");
        Wire.Header(unchanged, "ETag").ShouldBe("W/\"v1\"");
        upstream.Accepted.ShouldBe(1);
        gateway.Store.Captures.Used.ShouldBe(0);
    }

    [Theory]
    [MemberData(nameof(FrontsAndCodings))]
    public async Task A_missing_page_is_stored_in_both_forms_at_once(string front, string coding)
    {
        await using var upstream = ScriptedUpstream.Answering(Response("Content-Type: text/html\r\nCache-Control: max-age=60\r\n"));
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Compress = Compress, Cache = new CacheConfig() });
        var (_, body) = await gateway.AskAsync("GET /", $"Accept-Encoding: {coding}\r\n");
        var (head, again) = await gateway.AskAsync("GET /", $"Accept-Encoding: {coding}\r\n");
        again.ShouldBe(body);
        Wire.Header(head, "Cache-Status")!.ShouldStartWith("skyriff; hit");
        Wire.Header(head, "Content-Length").ShouldBe(body.Length.ToString());
        (await gateway.AskAsync("GET /")).Body.ShouldBe(Page);
    }

    [Fact]
    public async Task A_client_of_http_1_0_gets_a_body_that_ends_with_the_connection()
    {
        await using var upstream = ScriptedUpstream.Answering(Response("Content-Type: text/html\r\n"));
        await using var gateway = await BothFronts.StartAsync("lean", upstream.EndPoint, r => r with { Compress = Compress });
        using var wire = await gateway.ConnectAsync();
        await wire.WriteAsync("GET / HTTP/1.0\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n");
        var head = (await wire.ReadHeadAsync())!;
        head.ShouldNotContain("chunked");
        Wire.Header(head, "Connection").ShouldBe("close");
        Text(await wire.ReadToEndAsync(), "gzip").ShouldBe(Page);
    }

    [Fact]
    public async Task A_body_without_end_does_not_keep_the_loop_from_others()
    {
        var stop = new TaskCompletionSource();
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is { } head)
            {
                if (head.StartsWith("GET /small", StringComparison.Ordinal))
                {
                    await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                    continue;
                }
                await wire.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n");
                while (!stop.Task.IsCompleted) await wire.WriteAsync($"{Page.Length:x}\r\n{Page}\r\n");
                return;
            }
        });
        // Much slower than the upstream sends, so that there is always more to do: a loop that took no turns would never come to the other.
        await using var gateway = new LeanGateway([upstream.EndPoint], route: r => r with { Compress = Compress with { BrotliQuality = 11 } });
        using var slow = await gateway.ConnectAsync();
        await slow.WriteAsync("GET /large HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\n\r\n");
        Wire.Header((await slow.ReadHeadAsync())!, "Content-Encoding").ShouldBe("br");
        var reading = ReadAwayAsync(slow);
        using var other = await gateway.ConnectAsync();
        for (var i = 0; i < 5; i++)
        {
            await other.WriteAsync("GET /small HTTP/1.1\r\nHost: a\r\n\r\n");
            (await other.ReadResponseAsync()).Body.ShouldBe("ok");
        }
        reading.IsCompleted.ShouldBeFalse("the long body is still on its way");
        stop.SetResult();
        await reading;
    }

    private static async Task ReadAwayAsync(Wire wire)
    {
        var buffer = new byte[64 * 1024];
        while (await wire.Socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken) > 0) { }
    }

    private static string Response(string fields) => $"HTTP/1.1 200 OK\r\n{fields}Content-Length: {Page.Length}\r\n\r\n{Page}";

    private static string Text(string body, string coding) => Encoding.ASCII.GetString(CompressorTests.Decoded(Encoding.Latin1.GetBytes(body), coding));

    /// <summary>As much as can be read of a body that has not ended.</summary>
    private static string Start(string body, string coding)
    {
        using var input = new MemoryStream(Encoding.Latin1.GetBytes(body));
        using Stream decoder = coding == "br" ? new System.IO.Compression.BrotliStream(input, System.IO.Compression.CompressionMode.Decompress) : new System.IO.Compression.GZipStream(input, System.IO.Compression.CompressionMode.Decompress);
        var text = new byte[100];
        try
        {
            var read = decoder.Read(text);
            return Encoding.ASCII.GetString(text, 0, read);
        }
        catch (InvalidDataException)
        {
            return "";
        }
    }
}
