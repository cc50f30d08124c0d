using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Users;

/// <summary>The SQL of users; sessions and names have stores of their own.</summary>
internal sealed class UserStore(UsersDatabase database)
{
    private static readonly Sql.Verbatim Columns = Sql.Splice(UserRow.Columns);

    /// <summary>An id in a slot of its shard's making.</summary>
    public Task<UserId> NewIdAsync(int slot, CancellationToken cancellationToken) => database.PrimaryAsync(slot, (sql, token) =>
        sql.SingleAsync($"SELECT skyriff.next_id({slot})", row => row.Id<UserId>(0), token), cancellationToken);

    public Task<UserRow?> FindAsync(UserId id, CancellationToken cancellationToken) => database.ReadAsync(id.Slot(), (sql, token) =>
        sql.FirstAsync($"SELECT {Columns} FROM users.users WHERE id = {id} AND status <> 'abandoned'", UserRow.Read, token), cancellationToken);

    /// <summary>The user and the password's hash, from the primary: this decides about money's owner.</summary>
    public Task<(UserRow User, string? Password)?> FindWithPasswordAsync(UserId id, CancellationToken cancellationToken) => database.PrimaryAsync(id.Slot(), async (sql, token) =>
    {
        var found = await sql.FirstAsync($"SELECT {Columns}, password FROM users.users WHERE id = {id} AND status <> 'abandoned'", row => Tuple.Create(UserRow.Read(row), row.TextOrNull(9)), token);
        return found is null ? ((UserRow, string?)?)null : (found.Item1, found.Item2);
    }, cancellationToken);

    /// <summary>Many users at once, from the primaries: one statement per shard that holds any of them.</summary>
    public async Task<IReadOnlyList<UserRow>> FindAsync(IReadOnlyCollection<UserId> ids, CancellationToken cancellationToken)
    {
        var pages = await Task.WhenAll(ids.Distinct().GroupBy(id => database.Map.ShardOf(id.Slot())).Select(group =>
        {
            var wanted = group.ToArray();
            return database.PrimaryAsync(group.Key, (sql, token) =>
                sql.ListAsync($"SELECT {Columns} FROM users.users WHERE id = ANY({wanted}) AND status <> 'abandoned'", UserRow.Read, token), cancellationToken);
        }));
        return [.. pages.SelectMany(page => page)];
    }

    public Task RenewPasswordAsync(UserId id, string password, CancellationToken cancellationToken) => database.PrimaryAsync(id.Slot(), (sql, token) =>
        sql.ExecuteAsync($"UPDATE users.users SET password = {password} WHERE id = {id}", token), cancellationToken);

    public Task<UserRow?> ChangeProfileAsync(UserId id, string? displayName, string? bio, CancellationToken cancellationToken) => database.PrimaryAsync(id.Slot(), (sql, token) =>
        sql.FirstAsync($"""
            UPDATE users.users
               SET display_name = coalesce({displayName}::text, display_name), bio = coalesce({bio}::text, bio), updated_at = now()
             WHERE id = {id} AND status = 'active'
            RETURNING {Columns}
            """, UserRow.Read, token), cancellationToken);

    /// <summary>Sets the avatar; answers the user as it is now and the avatar it had. Null when there is no active user.</summary>
    public Task<(UserRow User, string? Former)?> ChangeAvatarAsync(UserId id, string avatar, CancellationToken cancellationToken) => database.TransactAsync(id.Slot(), async (sql, token) =>
    {
        var former = await sql.FirstAsync($"SELECT avatar FROM users.users WHERE id = {id} AND status = 'active' FOR UPDATE", row => Tuple.Create(row.TextOrNull(0)), token);
        if (former is null) return ((UserRow, string?)?)null;
        var user = await sql.SingleAsync($"UPDATE users.users SET avatar = {avatar}, updated_at = now() WHERE id = {id} RETURNING {Columns}", UserRow.Read, token);
        return (user, former.Item1);
    }, cancellationToken);
}
