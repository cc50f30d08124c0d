using System.Net;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using SkyRiff.Caching;
using SkyRiff.Contracts;
using SkyRiff.Redis;
using SkyRiff.Testing;
using SkyRiff.Users.SigningIn;
using Xunit;

namespace SkyRiff.Services.Tests.Users;

/// <summary>Profiles, handles and session states as two processes of one installation read them through their caches. The clock stands still: what is seen was told.</summary>
public sealed class CachedReadsTests(SharedPostgres shared) : UsersTest(shared)
{
    [Fact]
    public async Task A_profile_that_is_changed_on_one_process_is_seen_on_the_other()
    {
        await using var there = await AttachedAsync();
        var ada = await RegisteredAsync("ada");
        (await ShownAsync(there, "/users/ada")).Json.GetProperty("bio").GetString().ShouldBe("");
        (await ShownAsync(Api, "/users/" + ada.UserId)).Json.GetProperty("bio").GetString().ShouldBe("");

        await SendAsync(HttpMethod.Patch, "/users/me", ada.AccessToken, """{"bio":"First."}""");
        (await ShownAsync(Api, "/users/ada")).Json.GetProperty("bio").GetString().ShouldBe("First.", "the writer's process shows it at once");
        await Eventually.TrueAsync(async () => (await ShownAsync(there, "/users/ada")).Json.GetProperty("bio").GetString() == "First.", "the other process still shows the old profile");
        var author = await there.Services.GetRequiredService<IProfiles>().OfAsync([new UserId(long.Parse(ada.UserId))], Ct);
        author.Single().Value.Handle.ShouldBe("ada");

        (await SendAsync(HttpMethod.Delete, "/users/me", ada.AccessToken)).Status.ShouldBe(HttpStatusCode.NoContent);
        (await GetAsync("/users/ada")).Status.ShouldBe(HttpStatusCode.NotFound);
        await Eventually.TrueAsync(async () => (await ShownAsync(there, "/users/" + ada.UserId)).Status is HttpStatusCode.NotFound, "the other process still shows who is gone");
    }

    [Fact]
    public async Task A_handle_that_was_asked_for_while_it_was_free_is_found_once_it_is_taken()
    {
        await using var there = await AttachedAsync();
        foreach (var api in new[] { Api, there }) (await ShownAsync(api, "/users/ada")).Status.ShouldBe(HttpStatusCode.NotFound);
        await RegisteredAsync("ada");
        (await ShownAsync(Api, "/users/ada")).Status.ShouldBe(HttpStatusCode.OK);
        await Eventually.TrueAsync(async () => (await ShownAsync(there, "/users/ada")).Status is HttpStatusCode.OK, "the other process still says that there is nobody");
    }

    [Theory]
    [InlineData("logout")]
    [InlineData("revoked")]
    [InlineData("reuse")]
    [InlineData("deleted")]
    public async Task A_session_that_ends_on_one_process_ends_on_the_other_without_waiting_for_its_copy_to_age(string how)
    {
        await using var there = await AttachedAsync();
        var ada = await RegisteredAsync("ada");
        (await SendAsync(HttpMethod.Get, "/users/me", ada.AccessToken, api: there)).Status.ShouldBe(HttpStatusCode.OK);
        (await SendAsync(HttpMethod.Get, "/users/me", ada.AccessToken)).Status.ShouldBe(HttpStatusCode.OK);
        switch (how)
        {
            case "logout":
                await SendAsync(HttpMethod.Post, "/auth/logout", ada.AccessToken);
                break;
            case "revoked":
                var session = (await GetAsync("/auth/sessions", ada.AccessToken)).Json.GetProperty("items")[0].GetProperty("id").GetString();
                await SendAsync(HttpMethod.Delete, "/auth/sessions/" + session, ada.AccessToken);
                break;
            case "reuse":
                await RefreshAsync(ada.RefreshToken);
                await RefreshAsync(ada.RefreshToken);
                break;
            default:
                await SendAsync(HttpMethod.Delete, "/users/me", ada.AccessToken);
                break;
        }

        (await GetAsync("/users/me", ada.AccessToken)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        await Eventually.TrueAsync(async () => (await SendAsync(HttpMethod.Get, "/users/me", ada.AccessToken, api: there)).Status is HttpStatusCode.Unauthorized, "the other process still lets the ended session in");
    }

    [Fact]
    public async Task Two_users_who_read_through_one_cache_get_their_own_accounts_and_sessions()
    {
        var (ada, eve) = (await RegisteredAsync("ada"), await RegisteredAsync("eve"));
        for (var round = 0; round < 2; round++)
        {
            foreach (var (who, handle) in new[] { (ada, "ada"), (eve, "eve") })
            {
                var me = await GetAsync("/users/me", who.AccessToken);
                me.Json.GetProperty("id").GetString().ShouldBe(who.UserId);
                me.Json.GetProperty("email").GetString().ShouldBe(handle + "@example.org");
                foreach (var other in new[] { "ada", "eve" }) (await GetAsync("/users/" + other, who.AccessToken)).Body.ShouldNotContain("example.org");
            }
        }

        // One's session under another's name is nobody's.
        var states = Api.Services.GetRequiredService<SessionStates>();
        var session = SessionId.Of(long.Parse((await SqlAsync($"SELECT id FROM users.sessions WHERE user_id = {ada.UserId}")).Single()));
        (await states.CallerAsync(session, UserId.Of(long.Parse(ada.UserId)), Ct)).ShouldNotBeNull();
        (await states.CallerAsync(session, UserId.Of(long.Parse(eve.UserId)), Ct)).ShouldBeNull();
    }

    [Fact]
    public async Task What_is_kept_in_Redis_is_public()
    {
        var ada = await RegisteredAsync("ada");
        await SendAsync(HttpMethod.Patch, "/users/me", ada.AccessToken, """{"bio":"a public word"}""");
        await GetAsync("/users/ada", ada.AccessToken);
        await GetAsync("/users/me", ada.AccessToken);
        var redis = Api.Services.GetRequiredService<RedisClient>();
        var kept = new StringBuilder();
        await foreach (var key in redis.ScanKeysAsync("*", 1_000, Ct))
        {
            using (key)
            {
                using var type = await redis.CallAsync(["TYPE", key.Memory], Ct);
                if (type.Root.GetString() != "string") continue;
                using var value = await redis.GetAsync(key.Memory, Ct);
                kept.Append(value.GetString());
            }
        }
        kept.ToString().ShouldContain("a public word");
        foreach (var secret in new[] { "example.org", "pbkdf2", ada.RefreshToken, ada.AccessToken }) kept.ToString().ShouldNotContain(secret);
    }

    private async Task<TestApi> AttachedAsync()
    {
        var there = await StartApiAsync();
        foreach (var api in new[] { Api, there }) await Eventually.TrueAsync(() => api.Services.GetRequiredService<Cache>().IsAttached, "invalidations are not heard");
        return there;
    }

    private Task<Reply> ShownAsync(TestApi api, string path) => SendAsync(HttpMethod.Get, path, api: api);
}
