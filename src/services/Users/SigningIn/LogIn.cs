using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Users.Registering;

namespace SkyRiff.Users.SigningIn;

/// <summary>POST /auth/login by handle or e-mail address. An unknown user and a wrong password get the same answer after the same work, and count the same.</summary>
internal sealed class LogIn(UserStore users, UsersDatabase database, NameDirectory names, Passwords passwords, SignInLimits limits, SignIns signIns) : IUseCase<LogIn.Request, SignedIn>
{
    internal sealed record Request(string Login, string Password);

    public async Task<Outcome<SignedIn>> HandleAsync(Request request, Call call, CancellationToken cancellationToken)
    {
        var check = new Check();
        check.Text("/login", request.Login, 1, 254);
        check.That(request.Password.Length <= RegisterUser.PasswordLengthMax, "/password", $"At most {RegisterUser.PasswordLengthMax} characters are taken.");
        if (check.Problem is { } invalid) return invalid;

        var login = request.Login.Trim().ToLowerInvariant();
        var found = await FindAsync(login, cancellationToken);
        // Taken before the guess is looked at, so that parallel guesses count too; given back when it was right.
        var attempt = limits.AttemptOf(found?.User.Id, login, call.Address);
        if (limits.Take(attempt) is { } limited) return limited;
        if (!(await passwords.FitsAsync(request.Password, found?.Password, cancellationToken)).TryGet(out var fits, out var busy))
        {
            limits.GiveBack(attempt);
            return busy;
        }
        if (!fits || found is not { User: var user, Password: { } stored } || user.Status == "deleted") return UserProblems.BadCredentials.Because("Check both and try again.");
        limits.GiveBack(attempt);
        if (!user.IsActive) return UserProblems.Suspended.Because("Write to the operator of this site.");

        if (passwords.IsOutdated(stored) && (await passwords.HashAsync(request.Password, cancellationToken)).TryGet(out var renewed, out _))
        {
            await users.RenewPasswordAsync(user.Id, renewed, cancellationToken);
        }
        return await database.TransactAsync(user.Id.Slot(), (sql, token) => signIns.OpenAsync(sql, user, call, token), cancellationToken);
    }

    private async Task<(UserRow User, string? Password)?> FindAsync(string login, CancellationToken cancellationToken)
    {
        var id = await names.FindAsync(login.Contains('@') ? NameDirectory.Email : NameDirectory.Handle, login, cancellationToken);
        if (id is null || await users.FindWithPasswordAsync(id.Value, cancellationToken) is not { } found) return null;
        // A reservation may point to a user who in the end took another name.
        return found.User.Handle == login || found.User.Email == login ? found : null;
    }
}
