using SkyRiff.Contracts;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Users.Registering;

/// <summary>
/// Who has which handle and e-mail address. The entry lives on the shard of the name, the user on the user's, so taking a name is
/// three commits, any of which may be the last before a crash:
/// <code>
///   reserve(name -> user) ---> insert user ---> confirm(name)
///        |                        |
///        | dies here: runs out,   | dies here: the user exists; whoever
///        | may be taken over      | finds the old reservation confirms it
/// </code>
/// A takeover first settles what became of the former user id: it inserts an <em>abandoned</em> row under it, unless a user is there. So a
/// registration that wakes up late finds its id used up and fails, and two users never share a name. A deletion is two commits as well (the user, then
/// the names); the next one who asks for a name finishes one that died between them.
/// </summary>
internal sealed class NameDirectory(UsersDatabase database, UsersOptions options)
{
    public const string Handle = "handle";
    public const string Email = "email";

    public enum Reservation
    {
        Reserved,
        Taken,
    }

    public async Task<Reservation> ReserveAsync(string kind, string name, UserId user, CancellationToken cancellationToken)
    {
        var slot = UsersDatabase.SlotOfName(name);
        var seconds = options.ReservationLifetime.TotalSeconds;
        var inserted = await database.PrimaryAsync(slot, (sql, token) => sql.ExecuteAsync($"""
            INSERT INTO users.names (kind, name, user_id, state, reserved_until)
            VALUES ({kind}, {name}, {user}, 'reserved', now() + make_interval(secs => {seconds}))
            ON CONFLICT DO NOTHING
            """, token), cancellationToken);
        if (inserted == 1) return Reservation.Reserved;

        // Not there any more: given back between the two statements, so the next try finds it free.
        if (await HolderAsync(kind, name, cancellationToken) is not { MayBeSettled: true } holder) return Reservation.Taken;
        switch (await SettleAsync(holder.User, cancellationToken))
        {
            case "abandoned":
            case "deleted" when kind == Email:
                var takenOver = await database.PrimaryAsync(slot, (sql, token) => sql.ExecuteAsync($"""
                    UPDATE users.names SET user_id = {user}, state = 'reserved', reserved_until = now() + make_interval(secs => {seconds})
                     WHERE kind = {kind} AND name = {name} AND user_id = {holder.User} AND state = {holder.State}
                    """, token), cancellationToken);
                return takenOver == 1 ? Reservation.Reserved : Reservation.Taken;
            case "deleted":
                await RetireAsync(name, holder.User, cancellationToken);
                return Reservation.Taken;
            default:
                await ConfirmAsync(kind, name, holder.User, cancellationToken);
                return Reservation.Taken;
        }
    }

    public Task ConfirmAsync(string kind, string name, UserId user, CancellationToken cancellationToken) => database.PrimaryAsync(UsersDatabase.SlotOfName(name), (sql, token) =>
        sql.ExecuteAsync($"UPDATE users.names SET state = 'taken', reserved_until = NULL WHERE kind = {kind} AND name = {name} AND user_id = {user} AND state = 'reserved'", token), cancellationToken);

    /// <summary>Gives a reservation back when the registration was refused for another reason.</summary>
    public Task CancelAsync(string kind, string name, UserId user, CancellationToken cancellationToken) => database.PrimaryAsync(UsersDatabase.SlotOfName(name), (sql, token) =>
        sql.ExecuteAsync($"DELETE FROM users.names WHERE kind = {kind} AND name = {name} AND user_id = {user} AND state = 'reserved'", token), cancellationToken);

    /// <summary>After a deletion: the address may sign up again, the handle stays with nobody, lest somebody pose as its former owner.</summary>
    public async Task ReleaseAsync(string handle, string? email, UserId user, CancellationToken cancellationToken)
    {
        await RetireAsync(handle, user, cancellationToken);
        if (email is null) return;
        await database.PrimaryAsync(UsersDatabase.SlotOfName(email), (sql, token) =>
            sql.ExecuteAsync($"DELETE FROM users.names WHERE kind = {Email} AND name = {email} AND user_id = {user}", token), cancellationToken);
    }

    /// <summary>The user that a name leads to; whether it exists is for the caller to look up, since a reservation leads to one that may not.</summary>
    public Task<UserId?> FindAsync(string kind, string name, CancellationToken cancellationToken) => database.ReadAsync(UsersDatabase.SlotOfName(name), (sql, token) =>
        sql.FirstAsync<UserId?>($"SELECT user_id FROM users.names WHERE kind = {kind} AND name = {name} AND state <> 'retired'", row => row.Id<UserId>(0), token), cancellationToken);

    /// <summary>The same as it is now: what is remembered must not come from a replica that lags.</summary>
    public Task<UserId?> FindOnPrimaryAsync(string kind, string name, CancellationToken cancellationToken) => database.PrimaryAsync(UsersDatabase.SlotOfName(name), (sql, token) =>
        sql.FirstAsync<UserId?>($"SELECT user_id FROM users.names WHERE kind = {kind} AND name = {name} AND state <> 'retired'", row => row.Id<UserId>(0), token), cancellationToken);

    private sealed record Holder(UserId User, string State, bool MayBeSettled);

    /// <summary>Settled may be what ran out, and what is taken: its user may have been deleted since.</summary>
    private Task<Holder?> HolderAsync(string kind, string name, CancellationToken cancellationToken) => database.PrimaryAsync(UsersDatabase.SlotOfName(name), (sql, token) =>
        sql.FirstAsync($"""
            SELECT user_id, state, state = 'taken' OR (state = 'reserved' AND reserved_until < now()) FROM users.names WHERE kind = {kind} AND name = {name}
            """, row => new Holder(row.Id<UserId>(0), row.Text(1), row.Bool(2)), token), cancellationToken);

    private Task<int> RetireAsync(string handle, UserId user, CancellationToken cancellationToken) => database.PrimaryAsync(UsersDatabase.SlotOfName(handle), (sql, token) =>
        sql.ExecuteAsync($"UPDATE users.names SET state = 'retired', reserved_until = NULL WHERE kind = {Handle} AND name = {handle} AND user_id = {user}", token), cancellationToken);

    /// <summary>The user's status; <c>abandoned</c> from now on and for ever where there was no user.</summary>
    private Task<string> SettleAsync(UserId user, CancellationToken cancellationToken) => database.TransactAsync(user.Slot(), async (sql, token) =>
    {
        await sql.ExecuteAsync($"INSERT INTO users.users (id, status, handle, display_name) VALUES ({user}, 'abandoned', '', '') ON CONFLICT DO NOTHING", token);
        return await sql.SingleAsync($"SELECT status FROM users.users WHERE id = {user}", row => row.Text(0), token);
    }, cancellationToken);
}
