using System.Net;
using System.Text;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.ResponseCache;
using SkyRiff.Kernel;
using SkyRiff.Resilience.Calls;
using SkyRiff.Services.Tests.Gateway.Decisions;
using SkyRiff.Services.Tests.Gateway.Lean;

namespace SkyRiff.Services.Tests.Gateway.ResponseCache;

/// <summary>The decisions alone: requests and responses as text and time as a number in, and what would be done out. No sockets.</summary>
internal sealed class PureCache
{
    public const long Epoch = 1_767_225_600; // Thu, 01 Jan 2026 00:00:00 GMT
    private SpanIds _ids = new(Entropy.Seeded(1));

    public PureCache(Func<CacheConfig, CacheConfig>? cache = null, Func<RouteConfig, RouteConfig>? route = null, Func<EdgeConfig, EdgeConfig>? edge = null)
    {
        var config = new CacheConfig();
        Snapshot = LeanGateway.Compile([new IPEndPoint(IPAddress.Loopback, 1)], r => (route?.Invoke(r) ?? r) with { Cache = cache?.Invoke(config) ?? config }, edge: edge);
    }

    public EdgeSnapshot Snapshot { get; set; }

    public ResponseStore Store => Snapshot.Store;

    /// <summary>Seconds since the first request.</summary>
    public long Now { get; set; }

    /// <summary>The same <c>GET /path|Field: x|Field: y</c> as everywhere in these tests.</summary>
    public static RequestHead Request(string text)
    {
        var parts = text.Split('|', StringSplitOptions.RemoveEmptyEntries);
        var line = parts[0].Split(' ');
        return Heads.Request(line[0], line.Length > 1 ? line[1] : "/", "a.example", [.. parts[1..]]);
    }

    /// <summary><c>200|Field: x</c>; a body of the length that is named, or of two bytes.</summary>
    public static ResponseHead Response(string text)
    {
        var parts = text.Split('|');
        var framing = parts.Any(p => p.StartsWith("Content-Length", StringComparison.Ordinal) || p.StartsWith("Transfer-Encoding", StringComparison.Ordinal) || p == "until-close") || parts[0] is "304" or "204" ? "" : "Content-Length: 2\r\n";
        var bytes = Encoding.Latin1.GetBytes($"HTTP/1.1 {parts[0]} X\r\n{string.Concat(parts[1..].Where(p => p != "until-close").Select(f => f + "\r\n"))}{framing}\r\n");
        var head = new ResponseHead();
        ResponseParser.Parse(bytes, 0, bytes.Length, HeadLimits.Default, head, toHead: false, upgradeAsked: false).ShouldBe(ParseStatus.Complete, head.Refusal.ToString());
        return head;
    }

    public static string DateAt(long seconds)
    {
        Span<byte> text = stackalloc byte[HttpDate.TextBytes];
        HttpDate.Format(Epoch + seconds, text);
        return Encoding.ASCII.GetString(text);
    }

    /// <summary>hit, stale, validate, miss, 504, or the gateway's own refusal.</summary>
    public string Ask(string request) => Exchange(request, null, out _);

    /// <summary>Asks, and lets the upstream answer if it is asked; says what was done, and after a 304 or an error what became of it.</summary>
    public string Exchange(string request, string? response, out EdgeVerdict verdict, string body = "ok")
    {
        verdict = Begin(request, out var head);
        var said = Described(verdict);
        if (verdict.Cache is { Step: CacheStep.Forward } cache && verdict.Status == 0 && response is not null)
        {
            cache.PrepareRequest(head);
            var answer = Response(response);
            cache.OnResponse(answer, head, verdict, TimeNow);
            if (cache.Step == CacheStep.Serve) said += answer.Status == 304 ? ", validated" : ", error hidden";
            cache.Capture?.Append(Encoding.Latin1.GetBytes(body));
            cache.OnBodyComplete(null, SkyRiff.Gateway.Compression.Coding.Identity);
        }
        End(verdict);
        return said;
    }

    public EdgeVerdict Begin(string request, out RequestHead head, bool isHttps = false)
    {
        var verdict = new EdgeVerdict();
        head = Request(request);
        Snapshot.Decide(head, default, isHttps, TimeNow, ref _ids, verdict);
        return verdict;
    }

    public EdgeTime TimeNow => new((1_000_000 + Now) * 1_000_000_000, Epoch + Now);

    public static void End(EdgeVerdict verdict)
    {
        verdict.Cache?.End();
        EdgeSnapshot.Complete(verdict, Verdict.Succeeded, 0, 0);
    }

    public string Described(EdgeVerdict verdict)
    {
        if (verdict.Status != 0) return verdict.Status.ToString();
        if (verdict.Cache is not { } cache) return "miss";
        if (cache.Step == CacheStep.Wait) return "wait";
        if (cache.Step == CacheStep.Serve) return cache.Stored!.Freshness.LeftAt(TimeNow.Nanoseconds) > 0 ? "hit" : "stale";
        Span<byte> bytes = stackalloc byte[512];
        var writer = new HeadWriter(bytes);
        cache.WriteConditions(ref writer);
        return writer.Length > 0 ? "validate" : "miss";
    }

    /// <summary>The fields that the cache adds to a reply.</summary>
    public static string Fields(EdgeVerdict verdict)
    {
        Span<byte> bytes = stackalloc byte[512];
        var writer = new HeadWriter(bytes);
        verdict.Cache?.WriteFields(ref writer);
        return Encoding.ASCII.GetString(bytes[..writer.Length]);
    }
}
