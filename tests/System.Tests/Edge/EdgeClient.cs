using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Xunit;

namespace SkyRiff.SystemTests.Edge;

/// <summary>What a reply said about limits.</summary>
internal sealed record EdgeReply(HttpStatusCode Status, string? Policy, string? Limit, int? RetryAfter, string? Code)
{
    public bool IsLimited => Status is HttpStatusCode.TooManyRequests;

    /// <summary>The parameter of one limit in <c>RateLimit</c>: <c>r</c> is what remains.</summary>
    public int Of(string limit, char parameter)
    {
        var item = (Limit ?? "").Split(", ").Single(part => part.StartsWith($"\"{limit}\"", StringComparison.Ordinal));
        return int.Parse(item.Split(';').Single(part => part[0] == parameter)[2..], CultureInfo.InvariantCulture);
    }
}

/// <summary>Sends requests as some client would, with the header of a proxy where that is wanted.</summary>
internal sealed class EdgeClient(Uri address) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 128 }) { Timeout = TimeSpan.FromSeconds(30) };

    public async Task<EdgeReply> GetAsync(string path, string? token = null, string? forwardedFor = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address, path));
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (forwardedFor is not null) request.Headers.Add("X-Forwarded-For", forwardedFor);
        using var reply = await _http.SendAsync(request, TestContext.Current.CancellationToken);
        var code = reply.Content.Headers.ContentType?.MediaType == "application/problem+json"
            ? (string?)JsonNode.Parse(await reply.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken))!["code"] : null;
        return new EdgeReply(reply.StatusCode, Field(reply, "RateLimit-Policy"), Field(reply, "RateLimit"), (int?)reply.Headers.RetryAfter?.Delta?.TotalSeconds, code);
    }

    public void Dispose() => _http.Dispose();

    private static string? Field(HttpResponseMessage reply, string name) => reply.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;
}
