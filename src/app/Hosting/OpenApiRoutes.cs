using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using SkyRiff.App.Describing;
using SkyRiff.Http;

namespace SkyRiff.App.Hosting;

/// <summary>The description of the API: for programs at /openapi/v1.json, for people at /docs. Written once, when first asked for.</summary>
internal static class OpenApiRoutes
{
    public static void Map(WebApplication app, IReadOnlyList<ApiRoute> routes)
    {
        var document = new Lazy<byte[]>(() => OpenApiDocument.Write(routes, indented: false));
        var page = new Lazy<byte[]>(() => Encoding.UTF8.GetBytes(ApiPage.Write(routes)));
        app.MapGet("/openapi/v1.json", (HttpContext http) => WriteAsync(http, "application/json", document.Value));
        app.MapGet("/docs", (HttpContext http) => WriteAsync(http, "text/html; charset=utf-8", page.Value));
    }

    private static Task WriteAsync(HttpContext http, string contentType, byte[] body)
    {
        http.Response.ContentType = contentType;
        http.Response.Headers.CacheControl = "no-cache";
        return http.Response.Body.WriteAsync(body, http.RequestAborted).AsTask();
    }
}
