using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Services.Tests.Gateway.Lean;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.ResponseCache;

/// <summary>The cache through both fronts, with an upstream that answers as its test says.</summary>
public sealed class CachedRouteTests
{
    private static readonly CacheConfig Cache = new();

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task A_second_request_is_answered_from_the_store_with_its_age(string front)
    {
        await using var upstream = new Origin(_ => "Cache-Control: max-age=60\r\nETag: \"v1\"\r\nX-A: b\r\n", "hello");
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Cache = Cache });
        var (head, body) = await gateway.AskAsync("GET /");
        body.ShouldBe("hello");
        Wire.Header(head, "Cache-Status").ShouldBe("skyriff; fwd=uri-miss; stored");
        Wire.Header(head, "Age").ShouldBeNull();
        gateway.Time.Advance(TimeSpan.FromSeconds(7));
        (head, body) = await gateway.AskAsync("GET /");
        body.ShouldBe("hello");
        head.ShouldStartWith("HTTP/1.1 200 ");
        Wire.Header(head, "Cache-Status").ShouldBe("skyriff; hit; ttl=53");
        Wire.Header(head, "Age").ShouldBe("7");
        Wire.Header(head, "X-A").ShouldBe("b");
        Wire.Header(head, "Content-Length").ShouldBe("5");
        (head, body) = await gateway.AskAsync("HEAD /");
        Wire.Header(head, "Content-Length").ShouldBe("5");
        (head, body) = await gateway.AskAsync("GET /", "If-None-Match: W/\"v1\"\r\n");
        head.ShouldStartWith("HTTP/1.1 304 ");
        Wire.Header(head, "ETag").ShouldBe("\"v1\"");
        (head, body) = await gateway.AskAsync("GET /", "Range: bytes=1-3\r\n");
        head.ShouldStartWith("HTTP/1.1 206 ");
        Wire.Header(head, "Content-Range").ShouldBe("bytes 1-3/5");
        body.ShouldBe("ell");
        (head, _) = await gateway.AskAsync("GET /", "Range: bytes=5-\r\n");
        head.ShouldStartWith("HTTP/1.1 416 ");
        upstream.Requests.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task What_is_stale_is_validated_and_served_again(string front)
    {
        await using var upstream = new Origin(head => head.Contains("If-None-Match: \"v1\"", StringComparison.Ordinal) ? null : "Cache-Control: max-age=60\r\nETag: \"v1\"\r\n", "hello");
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Cache = Cache });
        await gateway.AskAsync("GET /");
        gateway.Time.Advance(TimeSpan.FromSeconds(100));
        // The client's own condition is evaluated here, and is not what the upstream is asked.
        var (head, _) = await gateway.AskAsync("GET /", "If-None-Match: \"v1\"\r\nIf-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT\r\n");
        head.ShouldStartWith("HTTP/1.1 304 ");
        Wire.Header(head, "Cache-Status").ShouldBe("skyriff; fwd=stale; fwd-status=304; ttl=60");
        var (again, body) = await gateway.AskAsync("GET /");
        body.ShouldBe("hello");
        Wire.Header(again, "Cache-Status").ShouldBe("skyriff; hit; ttl=60");
        upstream.Requests.Count.ShouldBe(2);
        upstream.Requests.ToArray()[1].ShouldNotContain("If-Modified-Since");
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task A_conditional_request_fills_the_cache_and_gets_its_304(string front)
    {
        await using var upstream = new Origin(_ => "Cache-Control: max-age=60\r\nETag: \"v1\"\r\n", "hello");
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Cache = Cache });
        using var wire = await gateway.ConnectAsync();
        await wire.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"v1\"\r\n\r\n");
        var (head, _) = await BothFronts.ReadAsync(wire);
        head.ShouldStartWith("HTTP/1.1 304 ");
        await wire.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n"); // the connection lives on
        var (again, body) = await BothFronts.ReadAsync(wire);
        body.ShouldBe("hello");
        Wire.Header(again, "Cache-Status")!.ShouldStartWith("skyriff; hit");
        upstream.Requests.Single().ShouldNotContain("If-None-Match");
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task A_stale_response_answers_in_place_of_an_error_and_of_a_dead_upstream(string front)
    {
        var fails = false;
        var upstream = new Origin(_ => fails ? "!503" : "Cache-Control: max-age=1, stale-if-error=1000\r\n", "hello");
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Cache = Cache });
        await gateway.AskAsync("GET /");
        gateway.Time.Advance(TimeSpan.FromSeconds(10));
        fails = true;
        var (head, body) = await gateway.AskAsync("GET /");
        body.ShouldBe("hello");
        Wire.Header(head, "Cache-Status").ShouldBe("skyriff; fwd=stale; fwd-status=503; ttl=-9");
        await upstream.DisposeAsync();
        (head, body) = await gateway.AskAsync("GET /");
        head.ShouldStartWith("HTTP/1.1 200 ");
        body.ShouldBe("hello");
        Wire.Header(head, "Cache-Status").ShouldBe("skyriff; fwd=stale; ttl=-9");
        (head, _) = await gateway.AskAsync("GET /other");
        head.ShouldStartWith("HTTP/1.1 502 ");
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task A_stale_response_is_used_while_it_is_refreshed(string front)
    {
        var version = 1;
        await using var upstream = new Origin(_ => "Cache-Control: max-age=10, stale-while-revalidate=60\r\n", () => "v" + version);
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Cache = Cache });
        await gateway.AskAsync("GET /");
        version = 2;
        gateway.Time.Advance(TimeSpan.FromSeconds(20));
        (await gateway.AskAsync("GET /")).Body.ShouldBe("v1");
        await Eventually.TrueAsync(async () => (await gateway.AskAsync("GET /")).Body == "v2", "the new version is served");
        upstream.Requests.Count.ShouldBe(2);
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task A_hundred_requests_for_one_missing_response_make_one(string front)
    {
        var gate = new TaskCompletionSource();
        await using var upstream = new Origin(_ => "Cache-Control: max-age=60\r\n", "hello", gate.Task);
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Cache = Cache });
        var wires = new List<Wire>();
        for (var i = 0; i < 100; i++)
        {
            wires.Add(await gateway.ConnectAsync());
            await wires[i].WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        await Eventually.TrueAsync(() => gateway.Store.Misses >= 100, "all have looked");
        gate.SetResult();
        foreach (var wire in wires)
        {
            (await BothFronts.ReadAsync(wire)).Body.ShouldBe("hello");
            wire.Dispose();
        }
        upstream.Requests.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task Those_who_wait_for_a_private_response_go_by_themselves(string front)
    {
        var gate = new TaskCompletionSource();
        await using var upstream = new Origin(head => "Cache-Control: private\r\nX-For: " + Wire.Header(head, "X-Who") + "\r\n", "mine", gate.Task);
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Cache = Cache });
        var wires = new List<Wire>();
        for (var i = 0; i < 20; i++)
        {
            wires.Add(await gateway.ConnectAsync());
            await wires[i].WriteAsync($"GET / HTTP/1.1\r\nHost: a\r\nX-Who: {i}\r\n\r\n");
        }
        await Eventually.TrueAsync(() => gateway.Store.Misses >= 20, "all have looked");
        gate.SetResult();
        for (var i = 0; i < 20; i++)
        {
            Wire.Header((await BothFronts.ReadAsync(wires[i])).Head, "X-For").ShouldBe(i.ToString());
            wires[i].Dispose();
        }
        upstream.Requests.Count.ShouldBe(20);
        gateway.Store.Bytes.ShouldBeLessThan(1000);
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task When_the_first_client_leaves_another_takes_over(string front)
    {
        var gate = new TaskCompletionSource();
        await using var upstream = new Origin(_ => "Cache-Control: max-age=60\r\n", "hello", gate.Task);
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Cache = Cache });
        var first = await gateway.ConnectAsync();
        await first.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await Eventually.TrueAsync(() => upstream.Requests.Count == 1, "the first is at the upstream");
        var second = gateway.AskAsync("GET /");
        await Eventually.TrueAsync(() => gateway.Store.Misses >= 2, "the second has looked");
        first.Dispose();
        await Eventually.TrueAsync(() => upstream.Requests.Count == 2, "the second is at the upstream");
        gate.SetResult();
        (await second).Body.ShouldBe("hello");
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task Who_waited_long_enough_goes_by_itself(string front)
    {
        var gate = new TaskCompletionSource();
        await using var upstream = new Origin(_ => "Cache-Control: max-age=60\r\n", "hello", gate.Task);
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Cache = Cache, Timeout = TimeSpan.FromHours(1) });
        var first = gateway.AskAsync("GET /");
        await Eventually.TrueAsync(() => upstream.Requests.Count == 1, "the first is at the upstream");
        var second = gateway.AskAsync("GET /");
        await Eventually.TrueAsync(() => gateway.Store.Misses >= 2, "the second has looked");
        await Eventually.TrueAsync(() =>
        {
            gateway.Time.Advance(TimeSpan.FromSeconds(1));
            return upstream.Requests.Count == 2;
        }, "the second is at the upstream");
        gate.SetResult();
        (await first).Body.ShouldBe("hello");
        (await second).Body.ShouldBe("hello");
    }

    [Theory]
    [InlineData("lean", "")]
    [InlineData("kestrel", "")]
    [InlineData("lean", "public, ")]
    [InlineData("kestrel", "public, ")]
    public async Task Nobody_gets_what_was_made_for_another(string front, string isPublic)
    {
        // What the upstream says depends on who asks, and it does not say so: it is badly made.
        await using var upstream = new Origin(
            head => $"Cache-Control: {(head.StartsWith("GET /shared", StringComparison.Ordinal) ? isPublic : "")}max-age=60\r\nX-For: {Wire.Header(head, "X-User-Id")}{Wire.Header(head, "Cookie")}{Wire.Header(head, "Authorization")}\r\n", "body");
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Name = "open", Cache = Cache },
            e => e with
            {
                Routes = [.. e.Routes, e.Routes[0] with { Name = "auth", Hosts = ["auth"], Auth = AuthKind.Optional }],
                ApiKeys = [new("ann", SHA256.HashData("ann-key"u8)), new("bob", SHA256.HashData("bob-key"u8))],
            });
        string[] people = ["", "Cookie: ann", "Cookie: bob", "Authorization: Basic ann", "Authorization: Basic bob"];
        string[] keys = ["", "X-Api-Key: ann-key", "X-Api-Key: bob-key"];
        var wrong = new ConcurrentBag<string>();
        for (var round = 0; round < 3; round++)
        {
            foreach (var (host, who) in people.Select(p => ("a", p)).Concat(keys.Select(k => ("auth", k))))
            {
                using var wire = await gateway.ConnectAsync();
                await wire.WriteAsync($"GET /own HTTP/1.1\r\nHost: {host}\r\n{(who.Length > 0 ? who + "\r\n" : "")}\r\n");
                var (head, _) = await BothFronts.ReadAsync(wire);
                head.ShouldStartWith("HTTP/1.1 200 ");
                var expected = who.StartsWith("X-Api-Key", StringComparison.Ordinal) ? who["X-Api-Key: ".Length..^"-key".Length] : who.Length == 0 ? "" : who[(who.IndexOf(':') + 2)..];
                if (Wire.Header(head, "X-For")?.Trim() is { Length: > 0 } got && got != expected) wrong.Add($"{who} got {got}");
                if (who.Length > 0 && (Wire.Header(head, "X-For") ?? "").Trim() != expected) wrong.Add($"{who} got another's");
            }
        }
        wrong.ShouldBeEmpty();
        if (isPublic.Length == 0) return;
        // What says that it is everybody's is.
        await gateway.AskAsync("GET /shared", "Authorization: Basic ann\r\n");
        Wire.Header((await gateway.AskAsync("GET /shared", "Authorization: Basic bob\r\n")).Head, "Cache-Status")!.ShouldStartWith("skyriff; hit");
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task A_body_that_is_cut_off_is_not_stored(string front)
    {
        await using var upstream = new ScriptedUpstream(async (wire, number) =>
        {
            await wire.ReadHeadAsync();
            await wire.WriteAsync("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\n" + (number == 1 ? "01234" : "0123456789"));
        });
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Cache = Cache });
        using (var wire = await gateway.ConnectAsync())
        {
            await wire.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await wire.ReadToEndAsync()).ShouldNotContain("0123456789");
        }
        (await gateway.AskAsync("GET /")).Body.ShouldBe("0123456789");
        (await gateway.AskAsync("GET /")).Body.ShouldBe("0123456789");
        upstream.Accepted.ShouldBe(2);
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("kestrel")]
    public async Task A_large_chunked_body_is_stored_whole_and_one_over_the_limit_passes(string front)
    {
        var body = string.Concat(Enumerable.Range(0, 60_000).Select(i => (char)('a' + (i * i % 26)))) + new string('z', 300_000);
        await using var upstream = new ScriptedUpstream(async (wire, _) =>
        {
            while (await wire.ReadHeadAsync() is { } head)
            {
                await wire.WriteAsync("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n");
                foreach (var piece in body.Chunk(7777)) await wire.WriteAsync($"{piece.Length:x}\r\n{new string(piece)}\r\n");
                await wire.WriteAsync("0\r\n\r\n");
            }
        });
        await using var gateway = await BothFronts.StartAsync(front, upstream.EndPoint, r => r with { Cache = Cache },
            e => e with { Routes = [.. e.Routes, e.Routes[0] with { Name = "small", Hosts = ["small"], Cache = Cache with { EntryBytesMax = 100_000 } }] });
        (await gateway.AskAsync("GET /")).Body.ShouldBe(body);
        var (head, again) = await gateway.AskAsync("GET /");
        again.ShouldBe(body);
        Wire.Header(head, "Content-Length").ShouldBe(body.Length.ToString());
        for (var i = 0; i < 2; i++)
        {
            using var wire = await gateway.ConnectAsync();
            await wire.WriteAsync("GET / HTTP/1.1\r\nHost: small\r\n\r\n");
            var (small, whole) = await BothFronts.ReadAsync(wire);
            whole.ShouldBe(body);
            Wire.Header(small, "Cache-Status")!.ShouldContain("fwd=uri-miss");
        }
        gateway.Store.Captures.Used.ShouldBe(0);
    }

    [Fact]
    public async Task Without_a_cache_nothing_is_looked_up_and_nothing_is_said()
    {
        await using var upstream = new Origin(_ => "Cache-Control: max-age=60\r\n", "hello");
        await using var gateway = await BothFronts.StartAsync("lean", upstream.EndPoint, r => r);
        Wire.Header((await gateway.AskAsync("GET /")).Head, "Cache-Status").ShouldBeNull();
        await gateway.AskAsync("GET /");
        upstream.Requests.Count.ShouldBe(2);
        gateway.Store.Misses.ShouldBe(0);
    }

    [Fact]
    public async Task A_hit_through_the_lean_front_allocates_nothing()
    {
        await using var upstream = new Origin(_ => "Cache-Control: max-age=60\r\n", "hello");
        await using var gateway = await BothFronts.StartAsync("lean", upstream.EndPoint, r => r with { Cache = Cache });
        using var client = await gateway.ConnectAsync();
        long allocated = -1;
        for (var round = 0; round < 5 && allocated != 0; round++)
        {
            var before = await gateway.Lean!.AllocatedBytesAsync();
            var overhead = await gateway.Lean.AllocatedBytesAsync() - before;
            for (var i = 0; i < 500; i++)
            {
                await client.WriteAsync("GET /x?y HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n");
                await client.ReadResponseAsync();
            }
            allocated = await gateway.Lean.AllocatedBytesAsync() - before - (2 * overhead);
        }
        allocated.ShouldBeLessThanOrEqualTo(0);
        upstream.Requests.Count.ShouldBe(1);
    }

    /// <summary>Answers 200 with the fields that it is told, "!503" with that status, and 304 for null; remembers what it was asked.</summary>
    private sealed class Origin(Func<string, string?> fields, Func<string> body, Task? gate = null) : IAsyncDisposable
    {
        private readonly ConcurrentQueue<string> _requests = new();
        private ScriptedUpstream? _upstream;

        public Origin(Func<string, string?> fields, string body, Task? gate = null)
            : this(fields, () => body, gate)
        {
        }

        public ConcurrentQueue<string> Requests => _requests;

        public System.Net.IPEndPoint EndPoint => (_upstream ??= new ScriptedUpstream(ServeAsync)).EndPoint;

        public ValueTask DisposeAsync() => _upstream?.DisposeAsync() ?? ValueTask.CompletedTask;

        private async Task ServeAsync(Wire wire, int number)
        {
            while (await wire.ReadHeadAsync() is { } head)
            {
                _requests.Enqueue(head);
                if (gate is not null) await gate;
                var said = fields(head);
                var text = body();
                await wire.WriteAsync(said is null ? "HTTP/1.1 304 Not Modified\r\n\r\n"
                    : said.StartsWith('!') ? $"HTTP/1.1 {said[1..]} No\r\nContent-Length: 2\r\n\r\nno"
                    : $"HTTP/1.1 200 OK\r\n{said}Content-Length: {Encoding.Latin1.GetByteCount(text)}\r\n\r\n{text}");
            }
        }
    }
}
