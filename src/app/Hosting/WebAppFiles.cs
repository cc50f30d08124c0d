using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.FileProviders;

namespace SkyRiff.App.Hosting;

/// <summary>The built web app on every path that is nothing else: hashed assets for a year, the page itself always asked for again.</summary>
internal static class WebAppFiles
{
    private const string Forever = "public, max-age=31536000, immutable";

    public static void Map(WebApplication app, string configured)
    {
        if (Find(configured) is not { } root)
        {
            app.MapFallback(http => http.Request.Path.StartsWithSegments("/api") ? NotFoundAsync(http) : http.Response.WriteAsync("The web app is not built; run ./skyriff up, or npm run build in web/.\n", http.RequestAborted));
            return;
        }

        var files = new PhysicalFileProvider(root);
        app.UseStaticFiles(new StaticFileOptions
        {
            FileProvider = files,
            ContentTypeProvider = ContentTypes(),
            OnPrepareResponse = sent => sent.Context.Response.Headers.CacheControl =
                sent.Context.Request.Path.StartsWithSegments("/assets") ? Forever : "no-cache",
        });
        app.MapFallback(http => IsPage(http.Request) ? SendPageAsync(http, files) : NotFoundAsync(http));
    }

    /// <summary>Configured, else beside the program, else in the sources that it was built from.</summary>
    private static string? Find(string configured)
    {
        string[] candidates = configured.Length > 0
            ? [Path.GetFullPath(configured)]
            : [Path.Combine(AppContext.BaseDirectory, "web"), Path.Combine(Environment.GetEnvironmentVariable("SKYRIFF_HOME") ?? ".", "web", "dist")];
        return Array.Find(candidates, folder => File.Exists(Path.Combine(folder, "index.html"))) is { } found ? Path.GetFullPath(found) : null;
    }

    private static bool IsPage(HttpRequest request) =>
        (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
        && !request.Path.StartsWithSegments("/api") && !request.Path.StartsWithSegments("/media") && !request.Path.StartsWithSegments("/assets")
        && !request.Path.StartsWithSegments("/metrics");

    private static async Task SendPageAsync(HttpContext http, PhysicalFileProvider files)
    {
        http.Response.ContentType = "text/html; charset=utf-8";
        http.Response.Headers.CacheControl = "no-cache";
        await http.Response.SendFileAsync(files.GetFileInfo("index.html"), http.RequestAborted);
    }

    private static Task NotFoundAsync(HttpContext http)
    {
        http.Response.StatusCode = 404;
        return Task.CompletedTask;
    }

    private static FileExtensionContentTypeProvider ContentTypes()
    {
        var types = new FileExtensionContentTypeProvider();
        types.Mappings[".webmanifest"] = "application/manifest+json";
        return types;
    }
}
