using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Users;

/// <summary>Append-only: clients branch on these.</summary>
internal static class UserProblems
{
    public static readonly ProblemCode HandleTaken = new("users.handle_taken", ProblemCategory.Conflict, "The handle is taken");
    public static readonly ProblemCode EmailTaken = new("users.email_taken", ProblemCategory.Conflict, "The e-mail address has an account");
    public static readonly ProblemCode RegistrationInterrupted = new("users.registration_interrupted", ProblemCategory.Conflict, "The registration took too long");
    public static readonly ProblemCode UserNotFound = new("users.not_found", ProblemCategory.NotFound, "No such user");
    public static readonly ProblemCode BadCredentials = new("auth.bad_credentials", ProblemCategory.Unauthenticated, "The login or the password is wrong");
    public static readonly ProblemCode Suspended = new("auth.suspended", ProblemCategory.Forbidden, "The account is suspended");
    public static readonly ProblemCode BadRefreshToken = new("auth.bad_refresh_token", ProblemCategory.Unauthenticated, "The refresh token is not good");
    public static readonly ProblemCode SessionNotFound = new("auth.session_not_found", ProblemCategory.NotFound, "No such session");
    public static readonly ProblemCode TooManyAttempts = new("auth.too_many_attempts", ProblemCategory.Limited, "Too many failed sign-ins");
    public static readonly ProblemCode Busy = new("auth.busy", ProblemCategory.Unavailable, "Too many sign-ins at once");
}
