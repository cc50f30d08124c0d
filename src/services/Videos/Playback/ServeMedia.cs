using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Objects;
using SkyRiff.Videos.Avatars;

namespace SkyRiff.Videos.Playback;

/// <summary>
/// GET and HEAD under /media/: stored files with one byte range (RFC 9110 section 14), strong validators, and a year of caching, since a name carries its
/// content's hash. What a key cannot spell, what is not there and what is not open all answer the same 404.
/// </summary>
internal sealed class ServeMedia(IObjectStore store, MediaUrls urls, MediaAccess access)
{
    private const string Forever = "public, max-age=31536000, immutable";

    public async Task HandleAsync(Call call, CancellationToken cancellationToken)
    {
        var http = call.Http;
        if (await AuthorizeAsync(call.RouteText("path"), cancellationToken) is not { } granted || await store.StatAsync(granted.Key, cancellationToken) is not { } stored)
        {
            await ProblemWriter.WriteAsync(http, HttpProblems.NotFound.Because("No such file, or it is not yours to see."));
            return;
        }

        var headers = http.Response.Headers;
        var tag = new EntityTagHeaderValue($"\"{stored.Sha256[..32]}\"");
        headers.ETag = tag.ToString();
        headers.CacheControl = granted.CacheControl;
        headers.AcceptRanges = "bytes";
        http.Response.ContentType = stored.ContentType;
        if (Matches(http.Request.Headers.IfNoneMatch, tag))
        {
            http.Response.StatusCode = 304;
            return;
        }

        var range = RangeOf(http.Request, tag, stored.Length);
        if (range is { Unsatisfiable: true })
        {
            headers.ContentRange = $"bytes */{stored.Length}";
            headers.CacheControl = "no-store";
            await ProblemWriter.WriteAsync(http, VideoProblems.RangeNotSatisfiable.Because($"The file has {stored.Length} bytes."), 416);
            return;
        }
        var (offset, length) = range is { } part ? (part.Offset, part.Length) : (0L, stored.Length);
        http.Response.StatusCode = range is null ? 200 : 206;
        http.Response.ContentLength = length;
        if (range is not null) headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {offset}-{offset + length - 1}/{stored.Length}");
        if (HttpMethods.IsHead(http.Request.Method) || length == 0) return;
        try
        {
            await using var read = await store.OpenReadAsync(granted.Key, range is null ? null : new ByteRange(offset, length), cancellationToken);
            await read.Content.CopyToAsync(http.Response.Body, cancellationToken);
        }
        catch (ObjectStoreException gone) when (gone.Kind is ObjectStoreFault.NotFound && !http.Response.HasStarted)
        {
            // Deleted since we looked: an avatar that was just replaced, a clip of somebody who just left.
            http.Response.Clear();
            await ProblemWriter.WriteAsync(http, HttpProblems.NotFound.Because("No such file, or it is not yours to see."));
        }
    }

    private sealed record Grant(ObjectKey Key, string CacheControl);

    private async Task<Grant?> AuthorizeAsync(string path, CancellationToken cancellationToken)
    {
        ReadOnlySpan<char> pass = [];
        var keyText = path;
        if (path.StartsWith('~') && path.IndexOf('/') is > 1 and var slash)
        {
            pass = path.AsSpan(1, slash - 1);
            keyText = path[(slash + 1)..];
        }
        if (!ObjectKey.TryParse(keyText, out var key)) return null;
        if (pass.IsEmpty && keyText.Split('/') is [AvatarPictures.Folder, _, _]) return new Grant(key, Forever);
        if (keyText.Split('/') is not ["clips", var folder, _] || !TypedId.TryParse<GenerationId>(folder, out var id)) return null;
        if (!pass.IsEmpty) return urls.Opens(pass, id) is { } left ? new Grant(key, string.Create(CultureInfo.InvariantCulture, $"private, max-age={(long)left.TotalSeconds}, immutable")) : null;
        return await access.IsOpenAsync(id, cancellationToken) ? new Grant(key, Forever) : null;
    }

    private static bool Matches(Microsoft.Extensions.Primitives.StringValues header, EntityTagHeaderValue tag) =>
        header.Count > 0 && EntityTagHeaderValue.TryParseList(header, out var tags) && tags.Any(other => other.Tag == "*" || other.Compare(tag, useStrongComparison: false));

    private readonly record struct Part(long Offset, long Length, bool Unsatisfiable);

    /// <summary>The one range asked for; null where there is none, several, or one that does not parse: then the whole file is the right answer.</summary>
    private static Part? RangeOf(HttpRequest request, EntityTagHeaderValue tag, long total)
    {
        if (request.Headers.Range.Count != 1 || !RangeHeaderValue.TryParse(request.Headers.Range.ToString(), out var ranges) || ranges.Unit != "bytes" || ranges.Ranges.Count != 1) return null;
        var condition = request.Headers.IfRange.ToString();
        if (condition.Length > 0 && condition != tag.ToString()) return null;
        var range = ranges.Ranges.Single();
        if (range.From is { } from) return from >= total ? new Part(0, 0, true) : new Part(from, Math.Min(range.To ?? long.MaxValue, total - 1) - from + 1, false);
        var suffix = Math.Min(range.To ?? 0, total);
        return suffix == 0 ? new Part(0, 0, true) : new Part(total - suffix, suffix, false);
    }
}
