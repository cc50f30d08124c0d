using Microsoft.AspNetCore.Http;

namespace SkyRiff.App.Hosting;

/// <summary>What browsers are told about every reply: no sniffing, no framing, scripts and media of our own only (hls.js plays from blob: URLs).</summary>
internal sealed class SecurityHeaders(RequestDelegate next)
{
    private const string Policy = "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; " +
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    public Task InvokeAsync(HttpContext http)
    {
        // At the last moment: whoever answers an error instead clears the headers that were there.
        http.Response.OnStarting(static response => AddAsync((HttpResponse)response), http.Response);
        return next(http);
    }

    private static Task AddAsync(HttpResponse response)
    {
        var headers = response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "strict-origin-when-cross-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers.ContentSecurityPolicy = Policy;
        return Task.CompletedTask;
    }
}
