using Microsoft.AspNetCore.Http;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>Who calls, proven once per request: whoever asks first (the edge, for its limits) has the token verified, the route finds the answer.</summary>
public static class CallerProof
{
    /// <summary>
    /// The proven caller, or why the token is no good; null where no token was sent, or where the route does not look at one.
    /// </summary>
    public static async ValueTask<Outcome<Caller>?> OfAsync(HttpContext http, Access access, ICallerVerifier verifier)
    {
        if (access is Access.Anonymous) return null;
        if (http.Features.Get<Proven>() is { } proven) return proven.Outcome;
        if (http.Request.Headers.Authorization.Count == 0) return null;
        var outcome = Bearer.Read(http.Request) is { } token
            ? await verifier.VerifyAsync(token, http.RequestAborted)
            : HttpProblems.Unauthenticated.Because("Authorization must be Bearer with an access token.");
        http.Features.Set(new Proven(outcome));
        return outcome;
    }

    private sealed class Proven(Outcome<Caller> outcome)
    {
        public Outcome<Caller> Outcome { get; } = outcome;
    }
}
