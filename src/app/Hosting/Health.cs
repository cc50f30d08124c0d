using Microsoft.AspNetCore.Http;
using SkyRiff.Http;

namespace SkyRiff.App.Hosting;

/// <summary>Liveness (the process answers) and readiness (it may be sent calls).</summary>
internal sealed class Health
{
    /// <summary>False while starting and from the moment the process is told to stop.</summary>
    public bool Ready { get; set; }

    public void Map(ApiRoutes api)
    {
        api.Raw("GET", "/health/live", (call, token) => WriteAsync(call, 200, "live", token), underPrefix: false).Anonymous()
            .Says("The process is running.").Replies<string>(200, "text/plain");
        api.Raw("GET", "/health/ready", (call, token) => Ready ? WriteAsync(call, 200, "ready", token) : WriteAsync(call, 503, "not ready", token), underPrefix: false).Anonymous()
            .Says("The process may be sent calls.").Replies<string>(200, "text/plain");
    }

    private static Task WriteAsync(Call call, int status, string word, CancellationToken cancellationToken)
    {
        call.Http.Response.StatusCode = status;
        call.Http.Response.ContentType = "text/plain";
        call.Http.Response.Headers.CacheControl = "no-store";
        return call.Http.Response.WriteAsync(word + "\n", cancellationToken);
    }
}
