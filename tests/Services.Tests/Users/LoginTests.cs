using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using SkyRiff.Testing;
using SkyRiff.Users;
using SkyRiff.Users.SigningIn;
using Xunit;

namespace SkyRiff.Services.Tests.Users;

public sealed class LoginTests(SharedPostgres shared) : UsersTest(shared)
{
    private Passwords Passwords => Api.Services.GetRequiredService<Passwords>();

    [Fact]
    public async Task Nobody_learns_from_the_answer_or_its_work_whether_a_user_exists()
    {
        await RegisteredAsync("known");
        await RegisteredAsync("deleted1");
        (await SendAsync(HttpMethod.Delete, "/users/me", (await LogInAsync("deleted1")).AccessToken)).Status.ShouldBe(HttpStatusCode.NoContent);

        var answers = new List<string>();
        foreach (var login in new[] { "known", "known@example.org", "unknown", "unknown@example.org", "deleted1", "deleted1@example.org", "not a handle", "@", "x@" })
        {
            var before = Passwords.Derived;
            var reply = await LogInAsync(login, "wrong password");
            (Passwords.Derived - before).ShouldBe(1, $"hashes for {login}");
            reply.ShouldBeRefused(HttpStatusCode.Unauthorized, "auth.bad_credentials");
            answers.Add(reply.Body.Replace(reply.Json.GetProperty("traceId").GetString()!, "", StringComparison.Ordinal) + string.Join(',', reply.Headers.Keys.Order(StringComparer.Ordinal)));
        }
        answers.Distinct().ShouldHaveSingleItem();
    }

    [Theory]
    [InlineData("""{"login":"a"}""", "/password")]
    [InlineData("""{"password":"a"}""", "/login")]
    [InlineData("""{"login":"","password":"a"}""", "/login")]
    [InlineData("""{"login":"a","password":null}""", "/password")]
    [InlineData("""{"login":"a","password":"b","remember":true}""", "/remember")]
    public async Task What_is_no_login_is_refused_before_any_work(string body, string pointer)
    {
        var reply = await SendAsync(HttpMethod.Post, "/auth/login", json: body);
        reply.ShouldBeRefused((HttpStatusCode)422, "request.invalid");
        reply.Pointers.ShouldBe([pointer]);
        Passwords.Derived.ShouldBe(0);
    }

    [Fact]
    public async Task A_password_too_long_to_be_one_costs_nothing()
    {
        (await LogInAsync("somebody", new string('x', 50_000))).ShouldBeRefused((HttpStatusCode)422, "request.invalid");
        Passwords.Derived.ShouldBe(0);
    }

    [Fact]
    public async Task An_older_hash_is_renewed_at_the_next_sign_in()
    {
        var user = await RegisteredAsync("old");
        var salt = new byte[16];
        var weak = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(Password), salt, 1000, HashAlgorithmName.SHA512, 64);
        await SqlAsync($"UPDATE users.users SET password = '$pbkdf2-sha512$i=1000${Convert.ToBase64String(salt)}${Convert.ToBase64String(weak)}'");

        (await LogInAsync("old", "not it")).Status.ShouldBe(HttpStatusCode.Unauthorized);
        (await SqlAsync("SELECT password FROM users.users")).Single().ShouldStartWith("$pbkdf2-sha512$i=1000$");
        (await LogInAsync("old")).UserId.ShouldBe(user.UserId);
        (await SqlAsync("SELECT password FROM users.users")).Single().ShouldStartWith("$pbkdf2-sha512$i=210000$");
        (await LogInAsync("old")).UserId.ShouldBe(user.UserId);
    }

    [Fact]
    public void A_cheap_password_hash_cannot_be_configured()
    {
        new UsersOptions { PasswordRounds = 209_999 }.Validate().ShouldHaveSingleItem().ShouldContain("PasswordRounds");
        new UsersOptions().Validate().ShouldBeEmpty();
        new UsersOptions { SessionsMax = 0, FailedSignInsPerAccount = 1, RefreshLeeway = TimeSpan.FromMinutes(2), KeyOverlap = TimeSpan.FromMinutes(1) }.Validate().Count().ShouldBe(4);
    }

    [Fact]
    public async Task A_suspended_user_learns_of_it_only_with_the_right_password()
    {
        await RegisteredAsync("banned");
        await SqlAsync("UPDATE users.users SET status = 'suspended'");
        (await LogInAsync("banned", "wrong password")).ShouldBeRefused(HttpStatusCode.Unauthorized, "auth.bad_credentials");
        (await LogInAsync("banned")).ShouldBeRefused(HttpStatusCode.Forbidden, "auth.suspended");
    }

    [Fact]
    public async Task Past_its_queue_hashing_sends_callers_away_for_a_moment()
    {
        await using var narrow = await StartApiAsync(("PasswordHashesAtOnce", "1"), ("PasswordQueueMax", "1"), ("PasswordRounds", "1000000"));
        var replies = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => LogInAsync($"nobody{i}", api: narrow)));
        var away = replies.Where(reply => reply.Status is HttpStatusCode.ServiceUnavailable).ToList();
        away.Count.ShouldBeGreaterThan(0);
        away.ShouldAllBe(reply => reply.Code == "auth.busy" && reply.Headers["Retry-After"] == "2");
        replies.Where(reply => reply.Status is not HttpStatusCode.ServiceUnavailable).ShouldAllBe(reply => reply.Status == HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Guesses_at_one_account_run_out_and_come_back_with_time()
    {
        await using var strict = await StartApiAsync(("FailedSignInsPerAccount", "5"));
        await RegisteredAsync("victim");
        await RegisteredAsync("other");

        // At once, so that none is let through because another had not failed yet.
        var guesses = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => LogInAsync(i % 2 == 0 ? "victim" : "victim@example.org", "guess number " + i, strict)));

        guesses.Count(reply => reply.Status is HttpStatusCode.Unauthorized).ShouldBe(5);
        var limited = guesses.Where(reply => reply.Status is HttpStatusCode.TooManyRequests).ToList();
        limited.Count.ShouldBe(15);
        limited[0].Code.ShouldBe("auth.too_many_attempts");
        int.Parse(limited[0].Headers["Retry-After"]).ShouldBeInRange(1, 180);
        limited[0].Headers["RateLimit-Policy"].ShouldBe("\"failed-sign-ins-account\";q=5;w=900");
        strict.Services.GetRequiredService<Passwords>().Derived.ShouldBe(5);

        (await LogInAsync("victim", api: strict)).Status.ShouldBe(HttpStatusCode.TooManyRequests); // the right one too
        (await LogInAsync("other", api: strict)).Status.ShouldBe(HttpStatusCode.OK);
        Time.Advance(TimeSpan.FromMinutes(3));
        (await LogInAsync("victim", api: strict)).Status.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_name_that_is_nobodys_runs_out_like_one_that_is_somebodys()
    {
        await using var strict = await StartApiAsync(("FailedSignInsPerAccount", "5"));
        var replies = new List<HttpStatusCode>();
        for (var i = 0; i < 7; i++) replies.Add((await LogInAsync("nobody", "guess number " + i, strict)).Status);
        replies.ShouldBe([.. Enumerable.Repeat(HttpStatusCode.Unauthorized, 5), .. Enumerable.Repeat(HttpStatusCode.TooManyRequests, 2)]);
    }

    [Fact]
    public async Task Guesses_from_one_address_run_out_over_all_accounts()
    {
        await using var strict = await StartApiAsync(("FailedSignInsPerAddress", "6"));
        var replies = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => LogInAsync($"account{i}", "letmein!", strict)));
        replies.Count(reply => reply.Status is HttpStatusCode.Unauthorized).ShouldBe(6);
        replies.First(reply => reply.Status is HttpStatusCode.TooManyRequests).Headers["RateLimit-Policy"].ShouldContain("failed-sign-ins-address");
    }

    [Fact]
    public async Task Whoever_knows_the_password_signs_in_as_often_as_they_like()
    {
        await using var strict = await StartApiAsync(("FailedSignInsPerAccount", "5"), ("FailedSignInsPerAddress", "5"));
        await RegisteredAsync("often");
        for (var i = 0; i < 25; i++) (await LogInAsync("often", api: strict)).Status.ShouldBe(HttpStatusCode.OK);
    }
}
