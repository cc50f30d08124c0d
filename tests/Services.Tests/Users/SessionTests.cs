using System.Buffers.Text;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using SkyRiff.Testing;
using SkyRiff.Users.SigningIn;
using Xunit;

namespace SkyRiff.Services.Tests.Users;

public sealed class SessionTests(SharedPostgres shared) : UsersTest(shared)
{
    /// <summary>One, so that nothing of somebody else's is safe merely because it lies elsewhere.</summary>
    protected override int ShardCount => 1;

    [Theory]
    [InlineData(3, 3, 0, RefreshVerdict.Rotate)]
    [InlineData(3, 3, 99999, RefreshVerdict.Rotate)]
    [InlineData(3, 2, 9, RefreshVerdict.Repeat)]
    [InlineData(3, 2, 10, RefreshVerdict.Reused)]
    [InlineData(3, 1, 0, RefreshVerdict.Reused)]
    [InlineData(3, 0, 0, RefreshVerdict.Reused)]
    [InlineData(3, 4, 0, RefreshVerdict.Ahead)]
    public void A_token_is_worth_what_its_rotation_says(int current, int presented, int secondsSince, object verdict) =>
        RefreshRule.Judge(current, presented, TimeSpan.FromSeconds(secondsSince), TimeSpan.FromSeconds(10)).ShouldBe(verdict);

    [Fact]
    public async Task A_refresh_token_is_traded_for_the_next_one()
    {
        var first = await RegisteredAsync("ada");
        var second = await RefreshAsync(first.RefreshToken);
        second.Status.ShouldBe(HttpStatusCode.OK, second.Body);
        second.RefreshToken.ShouldNotBe(first.RefreshToken);
        var third = await RefreshAsync(second.RefreshToken);
        third.UserId.ShouldBe(first.UserId);
        (await GetAsync("/users/me", third.AccessToken)).Status.ShouldBe(HttpStatusCode.OK);
        (await SqlAsync("SELECT rotation FROM users.sessions")).ShouldBe(["2"]);
    }

    [Fact]
    public async Task An_old_token_that_comes_back_ends_its_session_for_both()
    {
        var first = await RegisteredAsync("ada");
        var elsewhere = await LogInAsync("ada");
        var second = await RefreshAsync(first.RefreshToken);

        (await RefreshAsync(first.RefreshToken)).ShouldBeRefused(HttpStatusCode.Unauthorized, "auth.bad_refresh_token");

        (await RefreshAsync(second.RefreshToken)).ShouldBeRefused(HttpStatusCode.Unauthorized, "auth.bad_refresh_token");
        (await GetAsync("/users/me", second.AccessToken)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        (await SqlAsync("SELECT revoked_why FROM users.sessions WHERE revoked_at IS NOT NULL")).ShouldBe(["reuse"]);
        (await RefreshAsync(elsewhere.RefreshToken)).Status.ShouldBe(HttpStatusCode.OK); // other devices stay
    }

    [Fact]
    public async Task Of_parallel_trades_one_rotates_and_the_session_ends()
    {
        await RegisteredAsync("ada");
        for (var round = 0; round < 5; round++)
        {
            var first = await LogInAsync("ada");
            var replies = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => Task.Run(() => RefreshAsync(first.RefreshToken), Ct)));
            replies.Count(reply => reply.Status is HttpStatusCode.OK).ShouldBe(1);
            replies.Where(reply => reply.Status is not HttpStatusCode.OK).ShouldAllBe(reply => reply.Status == HttpStatusCode.Unauthorized);
            (await SqlAsync("SELECT rotation || ' ' || revoked_why FROM users.sessions ORDER BY id DESC LIMIT 1")).ShouldBe(["1 reuse"]);
        }
    }

    [Fact]
    public async Task With_a_leeway_parallel_trades_get_one_successor_and_a_later_reuse_still_ends_the_session()
    {
        await using var lenient = await StartApiAsync(("RefreshLeeway", "00:00:30"));
        var first = await RegisteredAsync("ada");
        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => RefreshAsync(first.RefreshToken, lenient)));
        replies.ShouldAllBe(reply => reply.Status == HttpStatusCode.OK);
        var successor = replies.Select(reply => reply.RefreshToken).Distinct().ShouldHaveSingleItem();
        (await SqlAsync("SELECT rotation FROM users.sessions WHERE revoked_at IS NULL")).ShouldBe(["1"]);

        // Whoever of the two holders is second with the successor comes too late.
        (await RefreshAsync(successor, lenient)).Status.ShouldBe(HttpStatusCode.OK);
        await SqlAsync("UPDATE users.sessions SET rotated_at = rotated_at - interval '31 seconds'");
        (await RefreshAsync(successor, lenient)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        (await SqlAsync("SELECT revoked_why FROM users.sessions")).ShouldBe(["reuse"]);
    }

    [Fact]
    public async Task Made_up_tokens_prove_nothing_and_change_nothing()
    {
        var first = await RegisteredAsync("ada");
        var bytes = Base64Url.DecodeFromChars(first.RefreshToken);
        var forged = new List<string> { "", "x", new('A', 80), new('A', 50_000), first.RefreshToken + "=", first.RefreshToken + " ", first.RefreshToken[..^1], first.AccessToken };
        for (var at = 0; at < bytes.Length; at += 3)
        {
            byte[] changed = [.. bytes];
            changed[at] ^= 1;
            forged.Add(Base64Url.EncodeToString(changed));
        }
        foreach (var token in forged) (await RefreshAsync(token)).ShouldBeRefused(HttpStatusCode.Unauthorized, "auth.bad_refresh_token");
        (await RefreshAsync(first.RefreshToken)).Status.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Neither_the_database_nor_the_master_key_alone_makes_a_token()
    {
        var first = await RegisteredAsync("ada");
        var parsed = Api.Services.GetRequiredService<RefreshTokens>().Parse(first.RefreshToken)!;
        // Who has the master key can make the MAC, but not without the session's seed.
        var guess = Api.Services.GetRequiredService<RefreshTokens>().Make(parsed.Session, 0, new byte[RefreshTokens.SeedBytes]);
        (await RefreshAsync(guess)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        (await RefreshAsync(first.RefreshToken)).Status.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Browsers_keep_the_refresh_token_where_no_script_reads_it()
    {
        var first = await RegisteredAsync("ada");
        var cookie = first.Headers["Set-Cookie"];
        cookie.ShouldStartWith("skyriff_refresh=" + first.RefreshToken);
        foreach (var attribute in new[] { "httponly", "samesite=strict", "path=/api/v1/auth", "max-age=2592000" }) cookie.ToLowerInvariant().ShouldContain(attribute);

        var second = await SendAsync(HttpMethod.Post, "/auth/refresh", prepare: request => request.Headers.Add("Cookie", "skyriff_refresh=" + first.RefreshToken));
        second.Status.ShouldBe(HttpStatusCode.OK, second.Body);
        var refused = await SendAsync(HttpMethod.Post, "/auth/refresh", prepare: request => request.Headers.Add("Cookie", "skyriff_refresh=" + first.RefreshToken));
        refused.Status.ShouldBe(HttpStatusCode.Unauthorized);
        refused.Headers["Set-Cookie"].ShouldContain("skyriff_refresh=;");
        (await SendAsync(HttpMethod.Post, "/auth/refresh")).ShouldBeRefused(HttpStatusCode.Unauthorized, "auth.bad_refresh_token");
    }

    [Theory]
    [InlineData("https://clips.example.org", true)]
    [InlineData("http://localhost:5080", false)]
    [InlineData(null, false)]
    public async Task The_cookie_of_a_page_that_came_over_tls_goes_over_tls_only(string? origin, bool secure)
    {
        await RegisteredAsync("ada");
        var reply = await SendAsync(HttpMethod.Post, "/auth/login", json: $$"""{"login":"ada","password":"{{Password}}"}""", prepare: request =>
        {
            if (origin is not null) request.Headers.Add("Origin", origin);
        });
        reply.Headers["Set-Cookie"].Contains("; secure", StringComparison.OrdinalIgnoreCase).ShouldBe(secure);
    }

    [Fact]
    public async Task Signing_out_ends_the_session_at_once()
    {
        var session = await RegisteredAsync("ada");
        (await GetAsync("/users/me", session.AccessToken)).Status.ShouldBe(HttpStatusCode.OK);
        (await SendAsync(HttpMethod.Post, "/auth/logout", session.AccessToken)).Status.ShouldBe(HttpStatusCode.NoContent);
        (await GetAsync("/users/me", session.AccessToken)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        (await RefreshAsync(session.RefreshToken)).Status.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Devices_are_listed_and_signed_out_one_by_one()
    {
        var here = await RegisteredAsync("ada");
        var phone = await SendAsync(HttpMethod.Post, "/auth/login", json: $$"""{"login":"ada","password":"{{Password}}"}""", prepare: request => request.Headers.TryAddWithoutValidation("User-Agent", "Phone/1.0 \t(x)"));
        var list = (await GetAsync("/auth/sessions", here.AccessToken)).Json.GetProperty("items");
        list.GetArrayLength().ShouldBe(2);
        list[0].GetProperty("device").GetString().ShouldStartWith("Phone/1.0");
        list[0].GetProperty("current").GetBoolean().ShouldBeFalse();
        list[1].GetProperty("current").GetBoolean().ShouldBeTrue();
        var pages = await GetAsync("/auth/sessions?limit=1", here.AccessToken);
        (await GetAsync("/auth/sessions?limit=1&cursor=" + pages.Json.GetProperty("nextCursor").GetString(), here.AccessToken)).Json.GetProperty("items")[0].GetProperty("id").GetString().ShouldBe(list[1].GetProperty("id").GetString());

        var id = list[0].GetProperty("id").GetString();
        (await SendAsync(HttpMethod.Delete, "/auth/sessions/" + id, here.AccessToken)).Status.ShouldBe(HttpStatusCode.NoContent);
        (await GetAsync("/users/me", phone.AccessToken)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        (await SendAsync(HttpMethod.Delete, "/auth/sessions/" + id, here.AccessToken)).ShouldBeRefused(HttpStatusCode.NotFound, "auth.session_not_found");
        (await GetAsync("/auth/sessions", here.AccessToken)).Json.GetProperty("items").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task Somebody_elses_session_is_not_there()
    {
        var mine = await RegisteredAsync("ada");
        var theirs = await RegisteredAsync("bob");
        var id = (await GetAsync("/auth/sessions", theirs.AccessToken)).Json.GetProperty("items")[0].GetProperty("id").GetString()!;
        foreach (var other in new[] { id, "0", "-1", "x", "9223372036854775807", "9223372036854775808", mine.UserId })
        {
            (await SendAsync(HttpMethod.Delete, "/auth/sessions/" + other, mine.AccessToken)).ShouldBeRefused(HttpStatusCode.NotFound, "auth.session_not_found");
        }
        (await GetAsync("/users/me", theirs.AccessToken)).Status.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Signing_in_on_one_device_too_many_ends_the_one_idle_longest()
    {
        await using var few = await StartApiAsync(("SessionsMax", "3"));
        var first = await RegisteredAsync("ada");
        for (var i = 0; i < 3; i++) (await LogInAsync("ada", api: few)).Status.ShouldBe(HttpStatusCode.OK);
        (await CountAsync("sessions")).ShouldBe(3);
        (await RefreshAsync(first.RefreshToken)).Status.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_session_that_nobody_refreshed_runs_out()
    {
        var session = await RegisteredAsync("ada");
        await SqlAsync("UPDATE users.sessions SET expires_at = now() - interval '1 second'");
        (await RefreshAsync(session.RefreshToken)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        (await GetAsync("/users/me", session.AccessToken)).Status.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_ban_reaches_every_route_within_the_time_that_states_are_remembered()
    {
        var session = await RegisteredAsync("ada");
        (await GetAsync("/users/me", session.AccessToken)).Status.ShouldBe(HttpStatusCode.OK);
        await SqlAsync("UPDATE users.users SET status = 'suspended'");
        Time.Advance(SessionStates.StaleMax);
        (await GetAsync("/users/me", session.AccessToken)).ShouldBeRefused(HttpStatusCode.Unauthorized, "auth.unauthenticated");
        (await RefreshAsync(session.RefreshToken)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        SessionStates.StaleMax.ShouldBeLessThan(TimeSpan.FromSeconds(5));

        await SqlAsync("UPDATE users.users SET status = 'active'");
        (await RefreshAsync(session.RefreshToken)).Status.ShouldBe(HttpStatusCode.OK, "a ban that is lifted does not cost the session");
    }

    [Fact]
    public async Task An_access_token_ends_after_its_quarter_hour()
    {
        var session = await RegisteredAsync("ada");
        Time.Advance(TimeSpan.FromMinutes(15));
        (await GetAsync("/users/me", session.AccessToken)).Status.ShouldBe(HttpStatusCode.OK); // the skew that is granted
        Time.Advance(TimeSpan.FromSeconds(30));
        (await GetAsync("/users/me", session.AccessToken)).Status.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_role_counts_from_when_it_is_given_to_when_it_is_taken_whatever_the_token_says()
    {
        var session = await RegisteredAsync("ada");
        var verifier = Api.Services.GetServices<Http.ICallerVerifier>().Last();
        (await verifier.VerifyAsync(session.AccessToken, Ct)).Value.Roles.ShouldBeEmpty();
        await SqlAsync("UPDATE users.users SET roles = '{admin}'");
        Time.Advance(SessionStates.StaleMax);
        (await verifier.VerifyAsync(session.AccessToken, Ct)).Value.Roles.ShouldBe(["admin"]);
        var admin = await RefreshAsync(session.RefreshToken);
        await SqlAsync("UPDATE users.users SET roles = '{}'");
        Time.Advance(SessionStates.StaleMax);
        (await verifier.VerifyAsync(admin.AccessToken, Ct)).Value.Roles.ShouldBeEmpty();
    }

    [Fact]
    public async Task Ended_sessions_are_swept_after_a_week_and_others_stay()
    {
        await RegisteredAsync("ada");
        for (var i = 0; i < 3; i++) await LogInAsync("ada");
        await SqlAsync("""
            UPDATE users.sessions SET revoked_at = now() - interval '8 days' WHERE id = (SELECT min(id) FROM users.sessions);
            UPDATE users.sessions SET expires_at = now() - interval '8 days' WHERE id = (SELECT max(id) FROM users.sessions);
            UPDATE users.sessions SET revoked_at = now() - interval '6 days' WHERE id = (SELECT id FROM users.sessions ORDER BY id OFFSET 1 LIMIT 1);
            """);
        var sweep = ActivatorUtilities.CreateInstance<SessionSweep>(Api.Services);
        var swept = 0;
        foreach (var shard in Map.Shards) swept += await sweep.SweepAsync(shard, Ct);
        swept.ShouldBe(2);
        (await CountAsync("sessions")).ShouldBe(2);
    }
}
