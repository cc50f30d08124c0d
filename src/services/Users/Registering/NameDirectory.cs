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
/// registration that wakes up late finds its id used up and fails, and two users never share a name.
/// </summary>
internal sealed class NameDirectory(UsersDatabase database, UsersOptions options)
{
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

        var former = await database.PrimaryAsync(slot, (sql, token) => sql.FirstAsync<UserId?>($"""
            SELECT user_id FROM users.names WHERE kind = {kind} AND name = {name} AND state = 'reserved' AND reserved_until < now()
            """, row => row.Id<UserId>(0), token), cancellationToken);
        if (former is null) return Reservation.Taken;
        if (!await AbandonAsync(former.Value, cancellationToken))
        {
            await ConfirmAsync(kind, name, former.Value, cancellationToken);
            return Reservation.Taken;
        }

        var takenOver = await database.PrimaryAsync(slot, (sql, token) => sql.ExecuteAsync($"""
            UPDATE users.names SET user_id = {user}, reserved_until = now() + make_interval(secs => {seconds})
             WHERE kind = {kind} AND name = {name} AND user_id = {former.Value} AND state = 'reserved'
            """, token), cancellationToken);
        return takenOver == 1 ? Reservation.Reserved : Reservation.Taken;
    }

    public Task ConfirmAsync(string kind, string name, UserId user, CancellationToken cancellationToken) => database.PrimaryAsync(UsersDatabase.SlotOfName(name), (sql, token) =>
        sql.ExecuteAsync($"UPDATE users.names SET state = 'taken', reserved_until = NULL WHERE kind = {kind} AND name = {name} AND user_id = {user} AND state = 'reserved'", token), cancellationToken);

    /// <summary>Gives a reservation back when the registration was refused for another reason.</summary>
    public Task CancelAsync(string kind, string name, UserId user, CancellationToken cancellationToken) => database.PrimaryAsync(UsersDatabase.SlotOfName(name), (sql, token) =>
        sql.ExecuteAsync($"DELETE FROM users.names WHERE kind = {kind} AND name = {name} AND user_id = {user} AND state = 'reserved'", token), cancellationToken);

    /// <summary>After a deletion: the address may sign up again, the handle stays with nobody, lest somebody pose as its former owner.</summary>
    public async Task ReleaseAsync(string handle, string? email, UserId user, CancellationToken cancellationToken)
    {
        await database.PrimaryAsync(UsersDatabase.SlotOfName(handle), (sql, token) =>
            sql.ExecuteAsync($"UPDATE users.names SET state = 'retired', reserved_until = NULL WHERE kind = 'handle' AND name = {handle} AND user_id = {user}", token), cancellationToken);
        if (email is null) return;
        await database.PrimaryAsync(UsersDatabase.SlotOfName(email), (sql, token) =>
            sql.ExecuteAsync($"DELETE FROM users.names WHERE kind = 'email' AND name = {email} AND user_id = {user}", token), cancellationToken);
    }

    /// <summary>The user that a name leads to; whether it exists is for the caller to look up, since a reservation leads to one that may not.</summary>
    public Task<UserId?> FindAsync(string kind, string name, CancellationToken cancellationToken) => database.ReadAsync(UsersDatabase.SlotOfName(name), (sql, token) =>
        sql.FirstAsync<UserId?>($"SELECT user_id FROM users.names WHERE kind = {kind} AND name = {name} AND state <> 'retired'", row => row.Id<UserId>(0), token), cancellationToken);

    /// <summary>True when the id has no user and never will.</summary>
    private Task<bool> AbandonAsync(UserId user, CancellationToken cancellationToken) => database.TransactAsync(user.Slot(), async (sql, token) =>
    {
        await sql.ExecuteAsync($"INSERT INTO users.users (id, status, handle, display_name) VALUES ({user}, 'abandoned', '', '') ON CONFLICT DO NOTHING", token);
        return await sql.SingleAsync($"SELECT status = 'abandoned' FROM users.users WHERE id = {user}", row => row.Bool(0), token);
    }, cancellationToken);
}
