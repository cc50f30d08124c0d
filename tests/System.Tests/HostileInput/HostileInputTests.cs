using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Shouldly;
using SkyRiff.Http;
using SkyRiff.Kernel.Tokens;
using Xunit;

namespace SkyRiff.SystemTests.HostileInput;

/// <summary>
/// Everything that a client can send wrong, at every declared route: never a 5xx, every refusal a problem document with a known code, nothing changed, and nothing of it
/// in the log.
/// </summary>
public sealed class HostileInputTests(HostileSite site) : IClassFixture<HostileSite>
{
    private const int Seed = 20261121;
    private static readonly CancellationToken Ct = CancellationToken.None;

    /// <summary>The route's path with its parameters filled in.</summary>
    private static string PathOf(ApiRoute route, string parameter) => Regexes.Parameter().Replace(route.Pattern, parameter);

    [Fact]
    public async Task Bodies_are_refused_and_change_nothing()
    {
        var before = await site.StateAsync();
        var sent = 0;
        foreach (var route in site.Routes.Where(route => route.RequestType is not null || route.RequestContentType is not null))
        {
            var bodies = BodyCorpus.ForAny(route.BodyBytesMax).Concat(route.RequestType is { } type ? BodyCorpus.For(type) : []);
            foreach (var body in bodies)
            {
                if (route.BodyOptional && body is { Bytes.Length: 0, ContentType: "" }) continue;
                if (IsHarmless(route, body)) continue;
                using var reply = await site.SendAsync(route.Method, PathOf(route, site.Generation), site.Attacker.AccessToken, HostileSite.Bytes(body.Bytes, body.ContentType), keyed: true);
                await ShouldBeRefusedAsync(reply, $"{route.Method} {route.Pattern} with {body.Name}");
                sent++;
            }
        }
        sent.ShouldBeGreaterThan(400);
        (await site.StateAsync()).ShouldBe(before);
        await ShouldBeHealthyAsync();
    }

    /// <summary>A member that may be left out, or that a rule elsewhere allows: its value is no mistake here.</summary>
    private static bool IsHarmless(ApiRoute route, BodyCorpus.HostileBody body) =>
        route.Pattern.EndsWith("/quote", StringComparison.Ordinal) && body.Name.StartsWith("without ", StringComparison.Ordinal);

    [Fact]
    public async Task Tokens_that_are_not_ours_open_nothing()
    {
        var before = await site.StateAsync();
        List<(string Name, string? Token)> tokens = [.. ForgedTokens(), ("an expired one", await ExpiredAsync())];
        foreach (var route in site.Routes.Where(route => route.Access is not Access.Anonymous))
        {
            foreach (var (name, token) in tokens)
            {
                if (token is null && route.Access is Access.Open) continue;
                using var reply = await site.SendAsync(route.Method, PathOf(route, site.Generation), token, route.RequestType is null ? null : HostileSite.Json("{}"), keyed: true);
                reply.StatusCode.ShouldBe(HttpStatusCode.Unauthorized, $"{route.Method} {route.Pattern} with {name}");
                await ShouldBeRefusedAsync(reply, $"{route.Method} {route.Pattern} with {name}");
            }
        }
        (await site.StateAsync()).ShouldBe(before);
        await ShouldBeHealthyAsync();
    }

    [Fact]
    public async Task What_is_somebody_elses_is_not_there()
    {
        var before = await site.StateAsync();
        string[] theirs = [site.Generation, site.Order, site.Session, site.Victim.Id];
        string[] nobodys = ["0", "1", "-1", "01", "+1", "1e3", "9223372036854775807", "9223372036854775808", "99999999999999999999999", "x", "null", "%20", "..", "%2e%2e", "%2f", "a%2fb", "%5c", "é", "%ff", "'", "%22", "$", "*", "me%00".Replace("%00", "%01", StringComparison.Ordinal), new string('9', 2_000)];
        foreach (var route in site.Routes.Where(route => Regexes.Id().IsMatch(route.Pattern)))
        {
            foreach (var id in theirs.Concat(nobodys))
            {
                if (route.Pattern.Contains("idOrHandle", StringComparison.Ordinal) && id == site.Victim.Id) continue; // profiles are public
                HttpContent? body = route.RequestType is null ? null : HostileSite.Json("""{"title":"mine now"}""");
                using var reply = await site.SendAsync(route.Method, PathOf(route, id), site.Attacker.AccessToken, body, keyed: true);
                var what = $"{route.Method} {route.Pattern} with {(id.Length > 40 ? "a very long id" : id)}";
                // Dots are resolved by the client and the server, and then it is another path.
                if (id is ".." or "%2e%2e") await ShouldNotFailAsync(reply, what);
                else await ShouldBeRefusedAsync(reply, what, HttpStatusCode.NotFound);
            }
        }
        (await site.StateAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task Queries_never_fail_and_cursors_cannot_be_made()
    {
        string[] values = ["", "x", "0", "-1", "101", "1.5", "99999999999999999999", "%00", "%ff%fe", "%C0%80", "%ED%A0%80", "%F0%9F%98%80", "'", "%22", "%25", "_%25_", "\\", "%5c%27", "a&{0}=b", new('x', 3_000), new string('x', 99) + "%F0%9F%98%80", "%3Cscript%3E", "NaN", "true", "[]", "null", "%2e%2e%2f"];
        foreach (var route in site.Routes.Where(route => route.Method == "GET" && !route.Pattern.EndsWith("/events", StringComparison.Ordinal)))
        {
            foreach (var name in new[] { "limit", "cursor", "feed", "tag", "author", "q", "x", "%00", "limit%5B%5D" })
            {
                foreach (var value in values)
                {
                    using var reply = await site.SendAsync("GET", $"{PathOf(route, site.Victim.Id)}?{name}={string.Format(value, name)}", site.Attacker.AccessToken);
                    await ShouldNotFailAsync(reply, $"{route.Pattern}?{name}={value[..Math.Min(value.Length, 30)]}");
                    if (name == "cursor" && route.QueryParameters.Any(parameter => parameter.Name == "cursor")) await ShouldBeRefusedAsync(reply, $"{route.Pattern} with cursor {value[..Math.Min(value.Length, 30)]}", HttpStatusCode.BadRequest);
                }
            }
        }
        await ShouldBeHealthyAsync();
    }

    [Theory]
    [InlineData("tag=a&tag=b")]
    [InlineData("q=a&q=a")]
    [InlineData("author=%00")]
    [InlineData("feed=latest&feed=hot")]
    public async Task A_query_parameter_that_cannot_be_used_is_refused_and_not_passed_over(string query)
    {
        using var reply = await site.SendAsync("GET", "/api/v1/works?" + query, site.Attacker.AccessToken);
        await ShouldBeRefusedAsync(reply, query, HttpStatusCode.UnprocessableEntity);
    }

    [Fact]
    public async Task A_search_has_up_to_100_characters()
    {
        foreach (var name in new[] { "q", "tag" })
        {
            using (var longest = await site.SendAsync("GET", $"/api/v1/works?{name}={new string('x', 100)}", site.Attacker.AccessToken)) longest.StatusCode.ShouldBe(HttpStatusCode.OK);
            using var longer = await site.SendAsync("GET", $"/api/v1/works?{name}={new string('x', 101)}", site.Attacker.AccessToken);
            await ShouldBeRefusedAsync(longer, $"{name} of 101 characters", HttpStatusCode.UnprocessableEntity);
        }
    }

    [Fact]
    public async Task A_cursor_of_another_list_or_with_one_bit_changed_is_refused()
    {
        for (var i = 0; i < 3; i++) (await site.SendAsync("POST", "/api/v1/auth/login", null, HostileSite.Json("""{"login":"attacker","password":"canary-password-of-the-attacker"}"""))).Dispose();
        using var first = await site.SendAsync("GET", "/api/v1/auth/sessions?limit=1", site.Attacker.AccessToken);
        var cursor = (string)(await HostileSite.JsonAsync(first))["nextCursor"]!;
        using (var good = await site.SendAsync("GET", "/api/v1/auth/sessions?cursor=" + cursor, site.Attacker.AccessToken)) good.StatusCode.ShouldBe(HttpStatusCode.OK);
        foreach (var list in site.Routes.Where(route => route.QueryParameters.Any(parameter => parameter.Name == "cursor") && !route.Pattern.EndsWith("/sessions", StringComparison.Ordinal)))
        {
            using var reply = await site.SendAsync("GET", $"{list.Pattern}?cursor={cursor}", site.Attacker.AccessToken);
            await ShouldBeRefusedAsync(reply, $"{list.Pattern} with a cursor of sessions", HttpStatusCode.BadRequest);
        }
        var bytes = Base64Url.DecodeFromChars(cursor);
        for (var at = 0; at < bytes.Length; at++)
        {
            byte[] changed = [.. bytes];
            changed[at] ^= 0x20;
            using var reply = await site.SendAsync("GET", "/api/v1/auth/sessions?cursor=" + Base64Url.EncodeToString(changed), site.Attacker.AccessToken);
            await ShouldBeRefusedAsync(reply, $"a cursor with byte {at} changed", HttpStatusCode.BadRequest);
        }
    }

    [Fact]
    public async Task Methods_that_a_path_does_not_have_are_refused()
    {
        foreach (var path in site.Routes.Where(route => !route.Pattern.StartsWith("/media", StringComparison.Ordinal)).GroupBy(route => route.Pattern))
        {
            foreach (var method in new[] { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "CANARY" })
            {
                if (path.Any(route => route.Method == method) || site.Routes.Any(route => route.Method == method && OverlapsWith(route.Pattern, path.Key))) continue;
                using var reply = await site.SendAsync(method, PathOf(path.First(), site.Generation), site.Attacker.AccessToken);
                ((int)reply.StatusCode).ShouldBeOneOf([404, 405], $"{method} {path.Key}");
                if (method != "HEAD") await ShouldBeRefusedAsync(reply, $"{method} {path.Key}");
            }
        }
    }

    /// <summary>/users/me is also a /users/{idOrHandle}.</summary>
    private static bool OverlapsWith(string pattern, string path) =>
        pattern.Split('/') is var one && path.Split('/') is var two && one.Length == two.Length && one.Zip(two).All(pair => pair.First == pair.Second || pair.First.StartsWith('{') || pair.Second.StartsWith('{'));

    [Fact]
    public async Task Mutations_of_good_bodies_are_taken_or_refused_and_nothing_else()
    {
        var random = new Random(Seed);
        foreach (var route in site.Routes.Where(route => route.RequestType is not null))
        {
            // Signing in and up cost a hash each time; what they read is read as everywhere.
            var count = route.Pattern.Contains("/auth/", StringComparison.Ordinal) ? 40 : 250;
            for (var i = 0; i < count; i++)
            {
                var body = BodyCorpus.Mutated(route.RequestType!, random);
                using var reply = await site.SendAsync(route.Method, PathOf(route, site.Generation), site.Attacker.AccessToken, HostileSite.Bytes(body, "application/json"), keyed: true);
                await ShouldNotFailAsync(reply, $"{route.Method} {route.Pattern} with mutation {i} of seed {Seed}: {Convert.ToHexString(body)}");
            }
        }
        await ShouldBeHealthyAsync();
    }

    [Theory]
    [InlineData("/media/")]
    [InlineData("/media//")]
    [InlineData("/media/..")]
    [InlineData("/media/../secret.txt")]
    [InlineData("/media/../../secret.txt")]
    [InlineData("/media/%2e%2e/secret.txt")]
    [InlineData("/media/%2e%2e%2fsecret.txt")]
    [InlineData("/media/..%2f..%2fsecret.txt")]
    [InlineData("/media/%252e%252e%252fsecret.txt")]
    [InlineData("/media/..%5csecret.txt")]
    [InlineData("/media/..\\secret.txt")]
    [InlineData("/media/....//secret.txt")]
    [InlineData("/media/.%2e/secret.txt")]
    [InlineData("/media/%c0%ae%c0%ae/secret.txt")]
    [InlineData("/media/%ef%bc%8e%ef%bc%8e/secret.txt")]
    [InlineData("/media//etc/passwd")]
    [InlineData("/media/%2fetc%2fpasswd")]
    [InlineData("/media/C:%5cWindows")]
    [InlineData("/media/file:%2f%2f%2fetc%2fpasswd")]
    [InlineData("/media/clips")]
    [InlineData("/media/clips/")]
    [InlineData("/media/clips/1/")]
    [InlineData("/media/clips/1/.hidden")]
    [InlineData("/media/clips/../clips/{0}")]
    [InlineData("/media/{0}")]
    [InlineData("/media/%63lips/{1}")]
    [InlineData("/media/clips/./{1}")]
    [InlineData("/media/CLIPS/{1}")]
    [InlineData("/media/clips/0{1}")]
    [InlineData("/media/~/{0}")]
    [InlineData("/media/~x/{0}")]
    [InlineData("/media/~AAAAAAAAAAAAAAAAAAAAAAAAAAA/{0}")]
    [InlineData("/media/~f____wAAAAAAAAAAAAAAAAAAAAA/{0}")]
    [InlineData("/media/~gAAAAAAAAAAAAAAAAAAAAAAAAAA/{0}")]
    [InlineData("/media/avatars/../{0}")]
    [InlineData("/media/avatars/1/x.webp")]
    [InlineData("/media/avatars/1/..")]
    [InlineData("/media/references/1/x.png")]
    [InlineData("/media/x%00y")]
    [InlineData("/media/x%0d%0aSet-Cookie:%20a=b")]
    [InlineData("/media/x?y=%00")]
    [InlineData("/media/{2}")]
    [InlineData("/assets/../secret.txt")]
    [InlineData("/assets/%2e%2e/%2e%2e/secret.txt")]
    [InlineData("/..%2fsecret.txt")]
    public async Task No_path_leads_out_of_what_is_open(string path)
    {
        var target = path.Replace("{0}", site.PrivateFile, StringComparison.Ordinal).Replace("{1}", site.PrivateFile["clips/".Length..], StringComparison.Ordinal).Replace("{2}", new string('a', 6_000), StringComparison.Ordinal);
        foreach (var method in new[] { "GET", "HEAD" })
        {
            var reply = await site.SendRawAsync($"{method} {target} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-99\r\nConnection: close\r\n\r\n");
            reply.ShouldNotContain("canary outside");
            reply.ShouldNotContain("#EXTM3U");
            reply.ShouldNotContain("root:");
            reply.ShouldNotContain("\r\nSet-Cookie:");
            // Outside of /media, or after its dots were resolved, the web app's page answers, as on every path that is nothing else.
            if (reply.StartsWith("HTTP/1.1 200", StringComparison.Ordinal) || reply.StartsWith("HTTP/1.1 206", StringComparison.Ordinal)) reply.ShouldContain("text/html");
            else reply.ShouldMatch("^HTTP/1.1 (400|404)");
            if (method == "GET" && reply.StartsWith("HTTP/1.1 404", StringComparison.Ordinal)) reply.ShouldContain("application/problem+json");
        }
    }

    [Theory]
    [InlineData("GET /api/v1/models HTTP/1.1\r\n\r\n")]
    [InlineData("GET /api/v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")]
    [InlineData("GET /api/v1/models HTTP/1.1\r\nHost: a b\r\n\r\n")]
    [InlineData("GET  /api/v1/models HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("GET /api/v1/models\r\n\r\n")]
    [InlineData("GET /api/v1/users/%00 HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("GET /api/v1/users/%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")]
    [InlineData("\0\0\0\0\r\n\r\n")]
    [InlineData("GET http://evil.example/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")]
    [InlineData("GET * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")]
    [InlineData("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nConnection: close\r\n\r\n")]
    [InlineData("GET /api/v1/models HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n")]
    [InlineData("GET /api/v1/models HTTP/1.1\r\nHost: a\r\n: z\r\n\r\n")]
    [InlineData("GET /api/v1/models HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n")]
    [InlineData("GET /api/v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \u00ff\u00fe\r\nConnection: close\r\n\r\n")]
    [InlineData("GET /api/v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\tb\r\nConnection: close\r\n\r\n")]
    [InlineData("GET /api/v1/models HTTP/1.1\r\nHost: a\r\nAccept: \u0001\r\nConnection: close\r\n\r\n")]
    [InlineData("GET /api/v1/models HTTP/1.1\r\nHost: a\r\nAccept-Encoding: ,,;q=x,gzip;q=9\r\nConnection: close\r\n\r\n")]
    [InlineData("GET /api/v1/models HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n")]
    [InlineData("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n")]
    [InlineData("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n{}")]
    [InlineData("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n")]
    [InlineData("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: gzip\r\n\r\n")]
    [InlineData("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: something\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")]
    [InlineData("POST /api/v1/auth/refresh HTTP/1.1\r\nHost: a\r\nCookie: skyriff_refresh=%00; skyriff_refresh=\u00ff; =;;;=\r\nConnection: close\r\n\r\n")]
    [InlineData("GET /api/v1/works HTTP/1.1\r\nHost: a\r\nRange: bytes=99999999999999999999-\r\nIf-None-Match: \"\r\nIf-Modified-Since: never\r\nConnection: close\r\n\r\n")]
    [InlineData("GET /api/v1/events HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 99999999999999999999\r\nConnection: close\r\n\r\n")]
    public async Task Odd_requests_and_headers_never_fail(string request)
    {
        // Where HTTP itself is broken the server answers by itself, without a document; it may also just close.
        var reply = await site.SendRawAsync(request);
        if (reply.Length > 0) reply.ShouldMatch(@"^HTTP/1\.1 [24]\d\d");
        await ShouldBeHealthyAsync();
    }

    [Fact]
    public async Task Heads_that_are_too_large_are_refused()
    {
        (await site.SendRawAsync($"GET /api/v1/models?{new string('x', 10_000)} HTTP/1.1\r\nHost: a\r\n\r\n")).ShouldStartWith("HTTP/1.1 414");
        (await site.SendRawAsync($"GET /api/v1/models HTTP/1.1\r\nHost: a\r\nX: {new string('x', 20_000)}\r\n\r\n")).ShouldStartWith("HTTP/1.1 431");
        (await site.SendRawAsync($"GET /api/v1/models HTTP/1.1\r\nHost: a\r\n{string.Concat(Enumerable.Range(0, 100).Select(i => $"X{i}: y\r\n"))}\r\n")).ShouldStartWith("HTTP/1.1 431");
        await ShouldBeHealthyAsync();
    }

    private IEnumerable<(string Name, string? Token)> ForgedTokens()
    {
        var good = site.Attacker.AccessToken.Split('.');
        var kid = JsonDocument.Parse(Base64Url.DecodeFromChars(good[0])).RootElement.GetProperty("kid").GetString();
        var victims = $$"""{"iss":"skyriff","aud":"skyriff-api","sub":"{{site.Victim.Id}}","sid":"{{site.Session}}","iat":1700000000,"exp":4000000000,"roles":["admin"]}""";
        string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
        string Header(string alg) => Encode($$"""{"alg":"{{alg}}","typ":"at+jwt","kid":"{{kid}}"}""");
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var signing = Header("ES256") + "." + Encode(victims);

        yield return ("no token", null);
        yield return ("an empty one", "");
        yield return ("noise", "canary");
        yield return ("alg none", Header("none") + "." + Encode(victims) + ".");
        yield return ("alg none with a signature", Header("none") + "." + Encode(victims) + "." + good[2]);
        yield return ("HS256 with the public key", Header("HS256") + "." + Encode(victims) + "." + Base64Url.EncodeToString(HMACSHA256.HashData("canary"u8, Encoding.ASCII.GetBytes(Header("HS256") + "." + Encode(victims)))));
        yield return ("another key", signing + "." + Base64Url.EncodeToString(stranger.SignData(Encoding.ASCII.GetBytes(signing), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)));
        yield return ("another's claims under a good signature", good[0] + "." + Encode(victims) + "." + good[2]);
        yield return ("a cut signature", site.Attacker.AccessToken[..^2]);
        yield return ("padding", site.Attacker.AccessToken + "=");
        yield return ("the refresh token", site.Attacker.RefreshToken);
        yield return ("a huge one", new string('a', 6_000));
    }

    /// <summary>Well signed, with the server's own key, but over.</summary>
    private async Task<string> ExpiredAsync()
    {
        var row = (await site.SqlAsync("SELECT id || ' ' || encode(private_key, 'hex') FROM users.signing_keys")).Single().Split(' ');
        var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(site.MasterKey.Open(Convert.FromHexString(row[1]), "users/signing-key/" + row[0]), out _);
        using var signer = new AccessTokenSigner(row[0], key, new TokenTerms("skyriff", "skyriff-api"));
        var over = TimeProvider.System.GetUtcNow() - TimeSpan.FromMinutes(1);
        return signer.Sign(new AccessToken(long.Parse(site.Victim.Id), long.Parse(site.Session), [], over - TokenTerms.Lifetime, over), "canary");
    }

    private static async Task ShouldNotFailAsync(HttpResponseMessage reply, string what) => await CheckAsync(reply, what, refusedWith: null);

    private async Task ShouldBeRefusedAsync(HttpResponseMessage reply, string what, HttpStatusCode? status = null)
    {
        ((int)reply.StatusCode).ShouldBeInRange(400, 499, what);
        if (status is { } wanted) reply.StatusCode.ShouldBe(wanted, what);
        await CheckAsync(reply, what, site.KnownCodes);
    }

    private static async Task CheckAsync(HttpResponseMessage reply, string what, IReadOnlySet<string>? refusedWith)
    {
        var status = (int)reply.StatusCode;
        var text = await reply.Content.ReadAsStringAsync(Ct);
        status.ShouldBeLessThan(500, $"{what}: {text}");
        if (status < 400 || text.Length == 0 && refusedWith is null) return;
        reply.Content.Headers.ContentType?.ToString().ShouldBe("application/problem+json", what);
        using var document = JsonDocument.Parse(text);
        foreach (var member in new[] { "type", "title", "status", "detail", "instance", "code", "traceId" }) document.RootElement.TryGetProperty(member, out _).ShouldBeTrue($"{what}: {member} of {text}");
        document.RootElement.GetProperty("status").GetInt32().ShouldBe(status, what);
        if (refusedWith is not null) refusedWith.ShouldContain(document.RootElement.GetProperty("code").GetString()!, what);
    }

    /// <summary>It answers, the victim is who they were, nothing was logged as a failure, and no secret was logged at all.</summary>
    private async Task ShouldBeHealthyAsync()
    {
        using var ready = await site.SendAsync("GET", "/health/ready");
        ready.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var me = await site.SendAsync("GET", "/api/v1/users/me", site.Victim.AccessToken);
        me.StatusCode.ShouldBe(HttpStatusCode.OK);
        var log = site.Log.Entries;
        log.Where(entry => entry.Level >= LogLevel.Error).Select(entry => entry.Text).ShouldBeEmpty();
        foreach (var secret in new[] { HostileSite.Canary, site.Victim.AccessToken, site.Victim.RefreshToken, site.Attacker.AccessToken }) log.Where(entry => entry.Text.Contains(secret, StringComparison.OrdinalIgnoreCase)).Select(entry => entry.Text).ShouldBeEmpty();
    }
}
