using Microsoft.AspNetCore.Http;

namespace SkyRiff.Http;

/// <summary>The access token of a request (RFC 6750 section 2.1); never taken from the query, where it would end up in logs.</summary>
internal static class Bearer
{
    private const string Scheme = "Bearer ";

    /// <summary>The token, or null where there is no Authorization of this scheme, or more than one.</summary>
    public static string? Read(HttpRequest request) =>
        request.Headers.Authorization is [{ } only] && only.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? only[Scheme.Length..].Trim() : null;
}
