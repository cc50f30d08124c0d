using System.Text.RegularExpressions;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Users.Profiles;
using SkyRiff.Users.SigningIn;

namespace SkyRiff.Users.Registering;

/// <summary>POST /auth/register: takes the handle and the address, makes the user in a slot chosen by chance, signs in, and opens the wallet.</summary>
internal sealed partial class RegisterUser(UserStore users, UsersDatabase database, NameDirectory names, Passwords passwords, SignIns signIns, ProfileCopies copies, ICredits credits, Entropy entropy)
    : IUseCase<RegisterUser.Request, SignedIn>
{
    internal sealed record Request(string Handle, string Email, string Password, string? DisplayName = null);

    internal const int PasswordLengthMin = 8;
    internal const int PasswordLengthMax = 200;
    private const int EmailLengthMax = 254;

    /// <summary>Handles that would look like the house itself, or like a path of the web app.</summary>
    private static readonly HashSet<string> ReservedHandles = ["admin", "administrator", "api", "about", "create", "docs", "explore", "feed", "generations", "help", "login", "me", "media", "moderator", "notifications", "official", "register", "root", "settings", "skyriff", "staff", "support", "system", "wallet"];

    public async Task<Outcome<SignedIn>> HandleAsync(Request request, Call call, CancellationToken cancellationToken)
    {
        var handle = request.Handle.Trim().ToLowerInvariant();
        var email = request.Email.Trim().ToLowerInvariant();
        var displayName = string.IsNullOrWhiteSpace(request.DisplayName) ? handle : request.DisplayName.Trim();
        if (Validate(handle, email, request.Password, displayName) is { } invalid) return invalid;

        var user = await users.NewIdAsync(entropy.Next(Id.SlotCount), cancellationToken);
        if (await names.ReserveAsync(NameDirectory.Handle, handle, user, cancellationToken) is NameDirectory.Reservation.Taken) return UserProblems.HandleTaken.Because($"Choose another handle than {handle}.");
        if (await names.ReserveAsync(NameDirectory.Email, email, user, cancellationToken) is NameDirectory.Reservation.Taken)
        {
            await names.CancelAsync(NameDirectory.Handle, handle, user, cancellationToken);
            return UserProblems.EmailTaken.Because("Sign in with this address, or use another.");
        }

        var made = await MakeAsync(user, handle, email, displayName, request.Password, call, cancellationToken);
        if (!made.Succeeded)
        {
            await names.CancelAsync(NameDirectory.Handle, handle, user, cancellationToken);
            await names.CancelAsync(NameDirectory.Email, email, user, cancellationToken);
            return made;
        }

        await names.ConfirmAsync(NameDirectory.Handle, handle, user, cancellationToken);
        await names.ConfirmAsync(NameDirectory.Email, email, user, cancellationToken);
        // Somebody may have asked for the handle while it was free.
        await copies.ChangedAsync(user, handle);
        // The event opens the wallet too, should we die here; doing it now lets the reply's reader see the grant.
        await credits.OpenWalletAsync(user, cancellationToken);
        return made;
    }

    private async Task<Outcome<SignedIn>> MakeAsync(UserId user, string handle, string email, string displayName, string password, Call call, CancellationToken cancellationToken)
    {
        if (!(await passwords.HashAsync(password, cancellationToken)).TryGet(out var hash, out var busy)) return busy;
        return await database.TransactAsync<Outcome<SignedIn>>(user.Slot(), async (sql, token) =>
        {
            var row = await sql.FirstAsync($"""
                INSERT INTO users.users (id, status, handle, email, display_name, password)
                VALUES ({user}, 'active', {handle}, {email}, {displayName}, {hash})
                ON CONFLICT DO NOTHING
                RETURNING {Sql.Splice(UserRow.Columns)}
                """, UserRow.Read, token);
            if (row is null) return UserProblems.RegistrationInterrupted.Because("Nothing was made; try once more.");
            await Outbox.AppendAsync(sql, Topics.UserRegistered, user.Value, ApiJson.Text(new UserRegistered(user, handle)), token);
            return await signIns.OpenAsync(sql, row, call, token);
        }, cancellationToken);
    }

    private static Problem? Validate(string handle, string email, string password, string displayName)
    {
        var check = new Check();
        check.That(Handle().IsMatch(handle), "/handle", "3 to 30 letters a-z, digits or underscores, beginning with a letter.");
        check.That(!ReservedHandles.Contains(handle), "/handle", "This handle is reserved.");
        check.That(email.Length <= EmailLengthMax && Email().IsMatch(email), "/email", "An e-mail address such as ada@example.org is needed.");
        check.That(password.Length is >= PasswordLengthMin and <= PasswordLengthMax, "/password", $"{PasswordLengthMin} to {PasswordLengthMax} characters are needed.");
        check.That(!string.Equals(password, handle, StringComparison.OrdinalIgnoreCase) && !string.Equals(password, email, StringComparison.OrdinalIgnoreCase), "/password", "The password may not be the handle or the address.");
        check.Text("/displayName", displayName, 1, 60);
        return check.Problem;
    }

    [GeneratedRegex(@"^[a-z][a-z0-9_]{2,29}\z", RegexOptions.NonBacktracking)]
    internal static partial Regex Handle();

    [GeneratedRegex(@"^[^\s@<>()\[\],;:\\""\p{Cc}]{1,64}@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Email();
}
