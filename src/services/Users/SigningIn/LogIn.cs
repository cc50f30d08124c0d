using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Users.Registering;

namespace SkyRiff.Users.SigningIn;

/// <summary>POST /auth/login by handle or e-mail address. An unknown user and a wrong password get the same answer after the same work.</summary>
internal sealed class LogIn(UserStore users, UsersDatabase database, NameDirectory names, Passwords passwords, SignIns signIns) : IUseCase<LogIn.Request, SignedIn>
{
    internal sealed record Request(string Login, string Password);

    public async Task<Outcome<SignedIn>> HandleAsync(Request request, Call call, CancellationToken cancellationToken)
    {
        var check = new Check();
        check.Text("/login", request.Login, 1, 254);
        check.That(request.Password.Length <= RegisterUser.PasswordLengthMax, "/password", $"At most {RegisterUser.PasswordLengthMax} characters are taken.");
        if (check.Problem is { } invalid) return invalid;

        var found = await FindAsync(request.Login.Trim().ToLowerInvariant(), cancellationToken);
        if (!(await passwords.FitsAsync(request.Password, found?.Password, cancellationToken)).TryGet(out var fits, out var busy)) return busy;
        if (!fits || found is not { User: var user, Password: { } stored } || user.Status == "deleted") return UserProblems.BadCredentials.Because("Check both and try again.");
        if (!user.IsActive) return UserProblems.Suspended.Because("Write to the operator of this site.");

        if (passwords.IsOutdated(stored) && (await passwords.HashAsync(request.Password, cancellationToken)).TryGet(out var renewed, out _))
        {
            await users.RenewPasswordAsync(user.Id, renewed, cancellationToken);
        }
        return await database.TransactAsync(user.Id.Slot(), (sql, token) => signIns.OpenAsync(sql, user, call, token), cancellationToken);
    }

    private async Task<(UserRow User, string? Password)?> FindAsync(string login, CancellationToken cancellationToken)
    {
        var id = await names.FindAsync(login.Contains('@') ? "email" : "handle", login, cancellationToken);
        if (id is null || await users.FindWithPasswordAsync(id.Value, cancellationToken) is not { } found) return null;
        // A reservation may point to a user who in the end took another name.
        return found.User.Handle == login || found.User.Email == login ? found : null;
    }
}
