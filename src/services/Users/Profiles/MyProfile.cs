using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Users.Registering;
using SkyRiff.Users.SigningIn;

namespace SkyRiff.Users.Profiles;

/// <summary>GET /users/me.</summary>
internal sealed class GetMe(UserStore users) : IUseCase<Me>
{
    public async Task<Outcome<Me>> HandleAsync(Call call, CancellationToken cancellationToken) =>
        await users.FindAsync(UserId.Of(call.Caller.Subject), cancellationToken) is { IsActive: true } user ? Me.Of(user) : UserProblems.UserNotFound.Because("The account is gone.");
}

/// <summary>PATCH /users/me: what is absent stays as it is.</summary>
internal sealed class ChangeMe(UserStore users, ProfileCopies copies) : IUseCase<ChangeMe.Request, Me>
{
    internal sealed record Request(string? DisplayName = null, string? Bio = null);

    public async Task<Outcome<Me>> HandleAsync(Request request, Call call, CancellationToken cancellationToken)
    {
        var check = new Check();
        if (request.DisplayName is not null) check.Text("/displayName", request.DisplayName, 1, 60);
        if (request.Bio is not null) check.Text("/bio", request.Bio, 0, 500, multiline: true);
        if (check.Problem is { } invalid) return invalid;
        if (await users.ChangeProfileAsync(UserId.Of(call.Caller.Subject), request.DisplayName?.Trim(), request.Bio?.Trim(), cancellationToken) is not { } user) return UserProblems.UserNotFound.Because("The account is gone.");
        await copies.ChangedAsync(user.Id);
        return Me.Of(user);
    }
}

/// <summary>DELETE /users/me: forgets who the user was; the ledger stays, under an id that leads to nobody.</summary>
internal sealed class DeleteMe(UsersDatabase database, NameDirectory names, ProfileCopies copies, SessionStates states) : IUseCase<Done>
{
    private sealed record Former(string Handle, string? Email, IReadOnlyList<SessionId> Sessions);

    public async Task<Outcome<Done>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        var id = UserId.Of(call.Caller.Subject);
        var former = await database.TransactAsync(id.Slot(), async (sql, token) =>
        {
            var user = await sql.FirstAsync($"SELECT {Sql.Splice(UserRow.Columns)} FROM users.users WHERE id = {id} AND status = 'active' FOR UPDATE", UserRow.Read, token);
            if (user is null) return null;
            await sql.ExecuteAsync($"""
                UPDATE users.users
                   SET status = 'deleted', handle = 'deleted-' || id, email = NULL, password = NULL, display_name = 'Deleted user', bio = '', avatar = NULL, roles = DEFAULT, updated_at = now()
                 WHERE id = {id}
                """, token);
            // Not only ended: they say from where and with what the person came.
            var sessions = await sql.ListAsync($"DELETE FROM users.sessions WHERE user_id = {id} RETURNING id", row => row.Id<SessionId>(0), token);
            await Outbox.AppendAsync(sql, Topics.UserDeleted, id.Value, ApiJson.Text(new UserDeleted(id)), token);
            return new Former(user.Handle, user.Email, sessions);
        }, cancellationToken);
        if (former is not null)
        {
            foreach (var session in former.Sessions) await states.EndedAsync(session);
            await copies.ChangedAsync(id, former.Handle);
            // Should we die here, the next one who asks for a name finds out that its user is gone.
            await names.ReleaseAsync(former.Handle, former.Email, id, cancellationToken);
        }
        RefreshCookie.Clear(call.Http);
        return new Done();
    }
}
