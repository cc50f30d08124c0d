using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Testing;
using SkyRiff.Users;
using SkyRiff.Users.Registering;
using SkyRiff.Users.SigningIn;
using Xunit;

namespace SkyRiff.Services.Tests.Users;

public sealed class RegistrationTests(SharedPostgres shared) : UsersTest(shared)
{
    private NameDirectory Names => Api.Services.GetRequiredService<NameDirectory>();

    private Task<UserId> NewIdAsync(int slot = 5) => Api.Services.GetRequiredService<UserStore>().NewIdAsync(slot, Ct);

    [Fact]
    public async Task Whoever_registers_is_signed_in_has_a_wallet_and_can_sign_in_again()
    {
        var reply = await RegisterAsync(" Ada_1 ", " Ada@Example.org ");
        reply.Status.ShouldBe(HttpStatusCode.Created, reply.Body);
        var user = reply.Json.GetProperty("user");
        user.GetProperty("handle").GetString().ShouldBe("ada_1");
        user.GetProperty("email").GetString().ShouldBe("ada@example.org");
        user.GetProperty("displayName").GetString().ShouldBe("ada_1");
        reply.Json.GetProperty("expiresIn").GetInt32().ShouldBe(900);
        Others.Wallets.Single().ToString().ShouldBe(reply.UserId);

        (await GetAsync("/users/me", reply.AccessToken)).Json.GetProperty("id").GetString().ShouldBe(reply.UserId);
        foreach (var login in new[] { "ada_1", "ADA_1", "ada@example.org", " Ada@Example.ORG " }) (await LogInAsync(login)).UserId.ShouldBe(reply.UserId);
        (await SqlAsync("SELECT topic FROM users.outbox")).ShouldBe(["users.registered"]);
        (await SqlAsync("SELECT kind || ' ' || state FROM users.names")).ShouldBe(["email taken", "handle taken"], ignoreOrder: true);
        (await SqlAsync("SELECT password FROM users.users")).Single().ShouldStartWith("$pbkdf2-sha512$i=210000$");
    }

    [Fact]
    public async Task Of_a_hundred_who_want_one_handle_at_once_one_gets_it()
    {
        var replies = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => RegisterAsync("wanted", $"person{i}@example.org")));
        replies.Count(reply => reply.Status is HttpStatusCode.Created).ShouldBe(1);
        replies.Where(reply => reply.Status is not HttpStatusCode.Created).ShouldAllBe(reply => reply.Status == HttpStatusCode.Conflict && reply.Code == "users.handle_taken");
        (await SqlAsync("SELECT handle FROM users.users WHERE status = 'active'")).ShouldBe(["wanted"]);
        (await CountAsync("names")).ShouldBe(2);
    }

    [Fact]
    public async Task Of_fifty_who_have_one_address_one_gets_in_and_the_others_handles_stay_free()
    {
        var replies = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => RegisterAsync($"person{i}", "shared@example.org")));
        replies.Count(reply => reply.Status is HttpStatusCode.Created).ShouldBe(1);
        replies.Where(reply => reply.Status is not HttpStatusCode.Created).ShouldAllBe(reply => reply.Code == "users.email_taken");
        (await CountAsync("names")).ShouldBe(2);
        var loser = Array.FindIndex(replies, reply => reply.Status is HttpStatusCode.Conflict);
        (await RegisterAsync($"person{loser}", "own@example.org")).Status.ShouldBe(HttpStatusCode.Created);
    }

    [Theory]
    [InlineData("ab", "a@b.org", Password, "/handle")]
    [InlineData("1ab", "a@b.org", Password, "/handle")]
    [InlineData("a-b-c", "a@b.org", Password, "/handle")]
    [InlineData("abc\n", "a@b.org", Password, "")]
    [InlineData("аdа", "a@b.org", Password, "/handle")]
    [InlineData("admin", "a@b.org", Password, "/handle")]
    [InlineData("Official", "a@b.org", Password, "/handle")]
    [InlineData("skyriff", "a@b.org", Password, "/handle")]
    [InlineData("a123456789012345678901234567890", "a@b.org", Password, "/handle")]
    [InlineData("abc", "a", Password, "/email")]
    [InlineData("abc", "a@b", Password, "/email")]
    [InlineData("abc", "a b@c.org", Password, "/email")]
    [InlineData("abc", "a@b.org\nBcc: x@y.org", Password, "/email")]
    [InlineData("abc", "<a@b.org>", Password, "/email")]
    [InlineData("abc", "a@-b.org", Password, "/email")]
    [InlineData("abc", "a@b.org", "short", "/password")]
    [InlineData("abcdefgh", "a@b.org", "ABCDEFGH", "/password")]
    [InlineData("abc", "long@address.org", "long@address.org", "/password")]
    [InlineData("x", "y", "z", "/handle,/email,/password")]
    public async Task What_breaks_a_rule_is_told_by_pointer_and_changes_nothing(string handle, string email, string password, string pointers)
    {
        var reply = await RegisterAsync(handle, email, password);
        if (pointers.Length == 0)
        {
            reply.Status.ShouldBe(HttpStatusCode.Created, reply.Body); // trimmed
            return;
        }
        reply.ShouldBeRefused((HttpStatusCode)422, "request.invalid");
        reply.Pointers.ShouldBe(pointers.Split(','));
        (await CountAsync("names")).ShouldBe(0);
    }

    [Theory]
    [InlineData("""{"handle":"eve","email":"eve@example.org","password":"correct horse","role":"admin"}""", "/role")]
    [InlineData("""{"handle":"eve","email":"eve@example.org","password":"correct horse","roles":["admin"]}""", "/roles")]
    [InlineData("""{"handle":"eve","email":"eve@example.org","password":"correct horse","status":"active"}""", "/status")]
    [InlineData("""{"handle":"eve","email":"eve@example.org","password":"correct horse","id":"1"}""", "/id")]
    public async Task Nobody_registers_with_more_than_is_theirs_to_say(string body, string pointer)
    {
        var reply = await SendAsync(HttpMethod.Post, "/auth/register", json: body);
        reply.ShouldBeRefused((HttpStatusCode)422, "request.invalid");
        reply.Pointers.ShouldBe([pointer]);
    }

    [Fact]
    public async Task A_reservation_holds_while_it_lasts()
    {
        (await Names.ReserveAsync(NameDirectory.Handle, "name", await NewIdAsync(), Ct)).ShouldBe(NameDirectory.Reservation.Reserved);
        (await Names.ReserveAsync(NameDirectory.Handle, "name", await NewIdAsync(), Ct)).ShouldBe(NameDirectory.Reservation.Taken);
        (await RegisterAsync("name")).ShouldBeRefused(HttpStatusCode.Conflict, "users.handle_taken");
    }

    [Fact]
    public async Task A_reservation_whose_registration_died_frees_itself_and_its_id_can_never_be_used()
    {
        var dead = await NewIdAsync();
        await Names.ReserveAsync(NameDirectory.Handle, "name", dead, Ct);
        await Names.ReserveAsync(NameDirectory.Email, "name@example.org", dead, Ct);
        await ExpireReservationsAsync();

        var reply = await RegisterAsync("name");

        reply.Status.ShouldBe(HttpStatusCode.Created, reply.Body);
        (await SqlAsync($"SELECT status FROM users.users WHERE id = {dead}")).ShouldBe(["abandoned"]);
        (await LogInAsync("name")).UserId.ShouldBe(reply.UserId);
        // It wakes up late and goes on where it was: its row cannot be made, as the INSERT of RegisterUser sees.
        (await SqlAsync($"INSERT INTO users.users (id, status, handle, display_name) VALUES ({dead}, 'suspended', 'late', 'late') ON CONFLICT DO NOTHING RETURNING id")).Count(row => row == dead.ToString()).ShouldBeLessThanOrEqualTo(ShardCount - 1);
        (await GetAsync($"/users/{dead}")).ShouldBeRefused(HttpStatusCode.NotFound, "users.not_found");
    }

    [Fact]
    public async Task A_registration_that_died_after_the_user_was_made_keeps_its_names()
    {
        var first = await RegisteredAsync("name");
        await SqlAsync("UPDATE users.names SET state = 'reserved', reserved_until = now() - interval '1 second'"); // as if it had died before it confirmed

        (await LogInAsync("name")).UserId.ShouldBe(first.UserId);
        (await RegisterAsync("name", "other@example.org")).ShouldBeRefused(HttpStatusCode.Conflict, "users.handle_taken");
        (await RegisterAsync("other", "name@example.org")).ShouldBeRefused(HttpStatusCode.Conflict, "users.email_taken");
        (await SqlAsync($"SELECT state FROM users.names WHERE user_id = {first.UserId}")).ShouldBe(["taken", "taken"]);
    }

    [Fact]
    public async Task A_registration_that_lost_its_names_while_it_waited_makes_no_user()
    {
        // All hashing is done by one, and that one is busy: the registration waits between its reservations and its user.
        await using var slow = await StartApiAsync(("PasswordHashesAtOnce", "1"), ("PasswordRounds", "3000000"));
        var busy = slow.Services.GetRequiredService<Passwords>().HashAsync("something else", Ct);
        var waiting = SendAsync(HttpMethod.Post, "/auth/register", json: $$"""{"handle":"name","email":"name@example.org","password":"{{Password}}"}""", api: slow);
        await Eventually.TrueAsync(async () => await CountAsync("names") == 2, "the registration did not reserve its names");
        await ExpireReservationsAsync();

        var winner = await RegisterAsync("name");

        winner.Status.ShouldBe(HttpStatusCode.Created, winner.Body);
        (await waiting).ShouldBeRefused(HttpStatusCode.Conflict, "users.registration_interrupted");
        (await busy).Succeeded.ShouldBeTrue();
        (await SqlAsync("SELECT handle FROM users.users WHERE status = 'active'")).ShouldBe(["name"]);
        (await LogInAsync("name")).UserId.ShouldBe(winner.UserId);
    }

    [Fact]
    public async Task Of_many_who_find_a_dead_reservation_at_once_one_takes_it_over()
    {
        var dead = await NewIdAsync();
        await Names.ReserveAsync(NameDirectory.Handle, "name", dead, Ct);
        await ExpireReservationsAsync();
        var ids = await Task.WhenAll(Enumerable.Range(0, 20).Select(slot => NewIdAsync(slot)));
        var outcomes = await Task.WhenAll(ids.Select(id => Names.ReserveAsync(NameDirectory.Handle, "name", id, Ct)));
        outcomes.Count(outcome => outcome is NameDirectory.Reservation.Reserved).ShouldBe(1);
    }

    [Fact]
    public async Task A_deletion_that_died_before_it_released_the_names_is_finished_by_the_next_who_asks()
    {
        var gone = await RegisteredAsync("name");
        await SqlAsync($"UPDATE users.users SET status = 'deleted', email = NULL, password = NULL WHERE id = {gone.UserId}"); // as if it had died there

        (await RegisterAsync("name", "new@example.org")).ShouldBeRefused(HttpStatusCode.Conflict, "users.handle_taken");
        (await SqlAsync("SELECT state FROM users.names WHERE name = 'name'")).ShouldBe(["retired"]);
        (await RegisterAsync("other", "name@example.org")).Status.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task A_suspended_users_names_stay_taken()
    {
        var user = await RegisteredAsync("name");
        await SqlAsync($"UPDATE users.users SET status = 'suspended' WHERE id = {user.UserId}");
        (await RegisterAsync("name", "new@example.org")).ShouldBeRefused(HttpStatusCode.Conflict, "users.handle_taken");
        (await RegisterAsync("other", "name@example.org")).ShouldBeRefused(HttpStatusCode.Conflict, "users.email_taken");
    }

    private Task<IReadOnlyList<string>> ExpireReservationsAsync() => SqlAsync("UPDATE users.names SET reserved_until = now() - interval '1 second' WHERE state = 'reserved'");
}
