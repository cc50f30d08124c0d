using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Resilience.Limits;
using SkyRiff.Users.Profiles;
using SkyRiff.Users.Registering;
using SkyRiff.Users.SigningIn;
using SkyRiff.Users.Tokens;

namespace SkyRiff.Users;

/// <summary>Who people are: registration, sign-in, sessions, profiles, and the keys that sign access tokens.</summary>
public sealed class UsersModule : Module
{
    public override string Name => "users";

    public override void Register(IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptionsOf<UsersOptions>(configuration, "Users", options => options.Validate());
        services.AddSingleton<UsersDatabase>();
        services.AddSingleton<UserStore>();
        services.AddSingleton<NameDirectory>();
        services.AddSingleton<Passwords>();
        services.AddSingleton<RefreshTokens>();
        services.AddSingleton<SignIns>();
        services.AddSingleton<SignInLimits>();
        services.AddSingleton<SessionStates>();
        services.AddSingleton<ProfileCopies>();
        services.AddSingleton<SessionStore>();
        services.AddSingleton<KeyRing>();
        services.AddSingleton<ICallerVerifier, CallerVerifier>();
        services.AddSingleton<IProfiles, UserProfiles>();
        services.AddSingleton<ChangeAvatar>();
        services.AddSingleton<IReadiness>(provider => new KeysLoaded(provider.GetRequiredService<KeyRing>()));
    }

    public override void Http(ApiRoutes api)
    {
        api.Post<RegisterUser, RegisterUser.Request, SignedIn>("/auth/register").Anonymous().Replies<SignedIn>(201)
            .Says("Makes an account with a wallet that holds the starter grant, and signs in.")
            .Refuses(UserProblems.HandleTaken, UserProblems.EmailTaken, UserProblems.RegistrationInterrupted, UserProblems.Busy);
        api.Post<LogIn, LogIn.Request, SignedIn>("/auth/login").Anonymous()
            .Says("Signs in by handle or e-mail address.")
            .Refuses(UserProblems.BadCredentials, UserProblems.Suspended, UserProblems.TooManyAttempts, UserProblems.Busy);
        api.Post<RefreshSession, RefreshSession.Request, SignedIn>("/auth/refresh").Anonymous().OptionalBody()
            .Says("Trades the refresh token (in the body or the cookie) for new tokens. A token that was traded before ends its session.")
            .Refuses(UserProblems.BadRefreshToken);
        api.Post<LogOut, Kernel.Outcomes.Done>("/auth/logout").Says("Ends this session.");
        api.Get<ListSessions, ListReply<ListSessions.Session>>("/auth/sessions").Says("The devices that are signed in.").Takes(("cursor", "Where to go on."), ("limit", "1 to 100; 20 by default."));
        api.Delete<RevokeSession, Kernel.Outcomes.Done>("/auth/sessions/{id}").Says("Signs a device out.").Refuses(UserProblems.SessionNotFound);
        api.Get<GetMe, Me>("/users/me").Says("The caller's account.");
        api.Patch<ChangeMe, ChangeMe.Request, Me>("/users/me").Says("Changes the profile; what is absent stays.");
        api.Delete<DeleteMe, Kernel.Outcomes.Done>("/users/me").Says("Deletes the account: the person is forgotten, the ledger stays.");
        var avatars = api.Service<ChangeAvatar>();
        api.Raw("PUT", "/users/me/avatar", avatars.HandleAsync).TakesRaw("image/*").BodyMax(ChangeAvatar.BodyBytesMax).Replies<Me>()
            .Says("Sets the caller's picture from a PNG, JPEG or WebP image; it is cut to a square and written anew.")
            .Refuses(UserProblems.UserNotFound, HttpProblems.TooLarge, HttpProblems.UnsupportedMediaType, AvatarProblems.Empty, AvatarProblems.Type, AvatarProblems.Unreadable, AvatarProblems.Dimensions, AvatarProblems.Busy);
        api.Get<GetProfile, Profile>("/users/{idOrHandle}").Open().Says("Somebody's public profile.").Refuses(UserProblems.UserNotFound);
        var keys = api.Service<KeyRing>();
        api.Raw("GET", "/.well-known/jwks.json", (call, token) => WriteJwksAsync(call, keys, token), underPrefix: false).Anonymous()
            .Says("The public keys of access tokens (RFC 7517).").Replies<string>(200, "application/json");
    }

    public override void Loops(IServiceCollection services)
    {
        services.AddHostedService(provider => provider.GetRequiredService<KeyRing>());
        services.AddHostedService<SessionSweep>();
        services.AddHostedService(provider => ActivatorUtilities.CreateInstance<LimitSweeper>(provider, provider.GetRequiredService<SignInLimits>().Limiters));
        services.AddDataLoops<UsersDatabase>();
    }

    private static Task WriteJwksAsync(Call call, KeyRing keys, CancellationToken cancellationToken)
    {
        call.Http.Response.ContentType = "application/json";
        call.Http.Response.Headers.CacheControl = "public, max-age=300";
        return call.Http.Response.Body.WriteAsync(keys.Jwks, cancellationToken).AsTask();
    }

    /// <summary>Before the first request: keys to sign and prove with.</summary>
    private sealed class KeysLoaded(KeyRing keys) : IReadiness
    {
        public Task PrepareAsync(CancellationToken cancellationToken) => keys.LoadAsync(cancellationToken);
    }
}
