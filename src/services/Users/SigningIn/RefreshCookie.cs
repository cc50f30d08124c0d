using Microsoft.AspNetCore.Http;

namespace SkyRiff.Users.SigningIn;

/// <summary>The refresh token as browsers keep it: out of scripts' reach, sent to the sign-in routes only, never across sites.</summary>
internal static class RefreshCookie
{
    private const string Name = "skyriff_refresh";
    private const string Path = "/api/v1/auth";

    public static void Set(HttpContext http, string token, TimeSpan lifetime) => http.Response.Cookies.Append(Name, token, Options(http, lifetime));

    public static void Clear(HttpContext http) => http.Response.Cookies.Append(Name, "", Options(http, TimeSpan.Zero));

    public static string? Read(HttpContext http) => http.Request.Cookies[Name];

    /// <summary>A browser says which page sends. Behind a proxy that ends TLS and is not among the trusted ones, nothing else tells; a lie costs only the liar his cookie.</summary>
    private static bool CameFromTls(HttpRequest request) => request.Headers.Origin is [{ } origin] && origin.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    private static CookieOptions Options(HttpContext http, TimeSpan lifetime) => new()
    {
        HttpOnly = true,
        Secure = http.Request.IsHttps || CameFromTls(http.Request),
        SameSite = SameSiteMode.Strict,
        Path = Path,
        MaxAge = lifetime,
        IsEssential = true,
    };
}
