using System.Net;
using System.Net.Http.Headers;
using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Testing;
using SkyRiff.Users.Profiles;
using Xunit;

namespace SkyRiff.Services.Tests.Users;

public sealed class ProfileTests(SharedPostgres shared) : UsersTest(shared)
{
    [Fact]
    public async Task A_profile_is_changed_by_what_is_there_and_shown_to_everybody_without_the_address()
    {
        var ada = await RegisteredAsync("ada");
        var changed = await SendAsync(HttpMethod.Patch, "/users/me", ada.AccessToken, """{"displayName":" Ada Lovelace ","bio":"First.\nSecond."}""");
        changed.Status.ShouldBe(HttpStatusCode.OK, changed.Body);
        (await SendAsync(HttpMethod.Patch, "/users/me", ada.AccessToken, "{}")).Json.GetProperty("displayName").GetString().ShouldBe("Ada Lovelace");

        foreach (var name in new[] { ada.UserId, "ada", "ADA" })
        {
            var shown = await GetAsync("/users/" + name);
            shown.Status.ShouldBe(HttpStatusCode.OK, shown.Body);
            shown.Json.GetProperty("bio").GetString().ShouldBe("First.\nSecond.");
            shown.Json.GetProperty("counts").GetProperty("works").GetInt64().ShouldBe(3);
            shown.Body.ShouldNotContain("example.org");
        }
        (await GetAsync("/users/ada")).Json.GetProperty("viewer").ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);
        (await GetAsync("/users/ada", ada.AccessToken)).Json.GetProperty("viewer").GetProperty("following").GetBoolean().ShouldBeFalse();
    }

    [Theory]
    [InlineData("id", "\"1\"")]
    [InlineData("handle", "\"root\"")]
    [InlineData("email", "\"x@y.org\"")]
    [InlineData("roles", "[\"admin\"]")]
    [InlineData("role", "\"admin\"")]
    [InlineData("status", "\"active\"")]
    [InlineData("password", "\"letmein123\"")]
    [InlineData("avatar", "\"http://evil.example/x.png\"")]
    [InlineData("createdAt", "\"2020-01-01T00:00:00Z\"")]
    [InlineData("credits", "1000000")]
    public async Task Members_that_are_not_the_owners_to_set_are_refused(string member, string value)
    {
        var ada = await RegisteredAsync("ada");
        var before = await SqlAsync("SELECT * FROM users.users");
        var reply = await SendAsync(HttpMethod.Patch, "/users/me", ada.AccessToken, $$"""{"displayName":"x","{{member}}":{{value}}}""");
        reply.ShouldBeRefused((HttpStatusCode)422, "request.invalid");
        reply.Pointers.ShouldBe(["/" + member]);
        (await SqlAsync("SELECT * FROM users.users")).ShouldBe(before);
    }

    [Theory]
    [InlineData("""{"displayName":""}""", "/displayName")]
    [InlineData("""{"displayName":"\u200b\u200b"}""", "/displayName")]
    [InlineData("""{"displayName":"\u202enimda"}""", "/displayName")]
    [InlineData("""{"displayName":7}""", "/displayName")]
    [InlineData("""{"displayName":"1234567890123456789012345678901234567890123456789012345678901"}""", "/displayName")]
    [InlineData("""{"bio":"a\u001bb"}""", "/bio")]
    public async Task A_name_or_a_bio_that_breaks_a_rule_is_refused(string body, string pointer)
    {
        var ada = await RegisteredAsync("ada");
        var reply = await SendAsync(HttpMethod.Patch, "/users/me", ada.AccessToken, body);
        reply.ShouldBeRefused((HttpStatusCode)422, "request.invalid");
        reply.Pointers.ShouldBe([pointer]);
    }

    [Theory]
    [InlineData("nobody")]
    [InlineData("1")]
    [InlineData("9223372036854775807")]
    [InlineData("99999999999999999999")]
    [InlineData("ada%0A")]
    [InlineData("..%2fme")]
    [InlineData("%ff%fe")]
    [InlineData("' OR 1=1 --")]
    public async Task Who_is_not_there_is_not_found(string name)
    {
        await RegisteredAsync("ada");
        (await GetAsync("/users/" + name)).ShouldBeRefused(HttpStatusCode.NotFound, "users.not_found");
    }

    [Fact]
    public async Task A_suspended_users_profile_is_not_shown()
    {
        await RegisteredAsync("ada");
        await SqlAsync("UPDATE users.users SET status = 'suspended'");
        (await GetAsync("/users/ada")).ShouldBeRefused(HttpStatusCode.NotFound, "users.not_found");
    }

    [Fact]
    public async Task A_deleted_account_leaves_an_id_and_a_handle_that_nobody_gets_and_nothing_else()
    {
        var ada = await RegisteredAsync("ada");
        await SendAsync(HttpMethod.Patch, "/users/me", ada.AccessToken, """{"displayName":"Ada Lovelace","bio":"Enchantress of numbers"}""");
        var elsewhere = await LogInAsync("ada");

        (await SendAsync(HttpMethod.Delete, "/users/me", ada.AccessToken)).Status.ShouldBe(HttpStatusCode.NoContent);

        foreach (var token in new[] { ada.AccessToken, elsewhere.AccessToken }) (await GetAsync("/users/me", token)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        (await RefreshAsync(elsewhere.RefreshToken)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        foreach (var login in new[] { "ada", "ada@example.org" }) (await LogInAsync(login)).ShouldBeRefused(HttpStatusCode.Unauthorized, "auth.bad_credentials");
        foreach (var name in new[] { "ada", ada.UserId }) (await GetAsync("/users/" + name)).ShouldBeRefused(HttpStatusCode.NotFound, "users.not_found");
        (await RegisterAsync("ada", "other@example.org")).ShouldBeRefused(HttpStatusCode.Conflict, "users.handle_taken");

        var left = string.Join('\n', [.. await SqlAsync("SELECT u::text FROM users.users u"), .. await SqlAsync("SELECT s::text FROM users.sessions s")]);
        foreach (var trace in new[] { "example.org", "Lovelace", "Enchantress", "127.0.0.1", "pbkdf2" }) left.ShouldNotContain(trace);
        (await SqlAsync("SELECT name || ' ' || state FROM users.names")).ShouldBe(["ada retired"]);
        (await SqlAsync("SELECT payload->>'user' FROM users.outbox WHERE topic = 'users.deleted'")).ShouldBe([ada.UserId]);

        var again = await RegisterAsync("ada2", "ada@example.org");
        again.Status.ShouldBe(HttpStatusCode.Created, again.Body);
        again.UserId.ShouldNotBe(ada.UserId);
    }

    [Fact]
    public async Task An_avatar_is_set_shown_and_replaced()
    {
        var ada = await RegisteredAsync("ada");
        var first = await PutAvatarAsync(ada.AccessToken, new byte[100]);
        first.Status.ShouldBe(HttpStatusCode.OK, first.Body);
        first.Json.GetProperty("avatar").GetString().ShouldBe($"/media/avatars/{ada.UserId}/1.webp");
        Others.Deleted.ShouldBeEmpty();

        await PutAvatarAsync(ada.AccessToken, new byte[100]);
        (await GetAsync("/users/ada")).Json.GetProperty("avatar").GetString().ShouldBe($"/media/avatars/{ada.UserId}/2.webp");
        Others.Deleted.ShouldBe([$"/media/avatars/{ada.UserId}/1.webp"]);
    }

    [Fact]
    public async Task Of_parallel_changes_every_avatar_but_the_last_is_deleted()
    {
        var ada = await RegisteredAsync("ada");
        (await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => PutAvatarAsync(ada.AccessToken, new byte[10])))).ShouldAllBe(reply => reply.Status == HttpStatusCode.OK);
        var kept = (await GetAsync("/users/ada")).Json.GetProperty("avatar").GetString()!;
        Others.Deleted.Count.ShouldBe(11);
        Others.Deleted.Append(kept).Distinct().Count().ShouldBe(12);
    }

    [Fact]
    public async Task A_former_avatar_that_cannot_be_deleted_is_no_failure_of_the_change()
    {
        var ada = await RegisteredAsync("ada");
        await PutAvatarAsync(ada.AccessToken, new byte[1]);
        Others.Fault = new IOException("the disk is away");
        (await PutAvatarAsync(ada.AccessToken, new byte[1])).Status.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task What_is_no_picture_changes_nothing()
    {
        var ada = await RegisteredAsync("ada");
        (await PutAvatarAsync(ada.AccessToken, new byte[ChangeAvatar.BodyBytesMax + 1])).ShouldBeRefused(HttpStatusCode.RequestEntityTooLarge, "request.too_large");
        (await PutAvatarAsync(ada.AccessToken, new byte[10], "text/html")).ShouldBeRefused(HttpStatusCode.UnsupportedMediaType, "avatars.type");
        (await PutAvatarAsync(ada.AccessToken, new byte[10], encoding: "gzip")).ShouldBeRefused(HttpStatusCode.UnsupportedMediaType, "request.unsupported_media_type");
        (await PutAvatarAsync("nobody", new byte[10])).Status.ShouldBe(HttpStatusCode.Unauthorized);
        Others.Refusal = AvatarProblems.Unreadable.Because("Not a picture.");
        (await PutAvatarAsync(ada.AccessToken, new byte[10])).ShouldBeRefused((HttpStatusCode)422, "avatars.unreadable");
        (await SqlAsync("SELECT avatar FROM users.users WHERE avatar IS NOT NULL")).ShouldBeEmpty();
    }

    private Task<Reply> PutAvatarAsync(string token, byte[] image, string contentType = "image/png", string? encoding = null) => SendAsync(HttpMethod.Put, "/users/me/avatar", token, prepare: request =>
    {
        request.Content = new ByteArrayContent(image) { Headers = { ContentType = new MediaTypeHeaderValue(contentType) } };
        if (encoding is not null) request.Content.Headers.ContentEncoding.Add(encoding);
    });
}
