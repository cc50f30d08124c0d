using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace SkyRiff.App.Demo;

/// <summary>Why the demo cannot go on, in words for whoever started it.</summary>
internal sealed class DemoException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What the demo needs of the API, as any client would use it: it waits when it is told to come again.</summary>
internal sealed class DemoClient(HttpClient http, TimeProvider time)
{
    private const int TriesMax = 60;
    private const int HandlesMax = 20;
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan RetryAfterDefault = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryAfterMax = TimeSpan.FromSeconds(30);

    internal sealed record Account(string Id, string Token);

    /// <exception cref="DemoException">Nothing is there, it is no SkyRiff, or it is not ready.</exception>
    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(HttpMethod.Get, "/health/ready", null, null, cancellationToken);
        if (reply.StatusCode is HttpStatusCode.ServiceUnavailable) throw new DemoException("It is there, but not ready yet.");
        if (!reply.IsSuccessStatusCode) throw new DemoException($"What answers there does not look like SkyRiff: /health/ready is {(int)reply.StatusCode}.");
    }

    /// <summary>The account of this person from an earlier run, or a new one, under the handle or the next free one.</summary>
    public async Task<Account> JoinAsync(DemoScript.Person person, string password, CancellationToken cancellationToken)
    {
        for (var suffix = 1; suffix <= HandlesMax; suffix++)
        {
            var handle = suffix == 1 ? person.Handle : $"{person.Handle}{suffix}";
            using (var registered = await SendAsync(HttpMethod.Post, "/api/v1/auth/register", null, new { handle, email = $"{handle}@demo.example", password, displayName = person.Name }, cancellationToken))
            {
                if (registered.StatusCode is not HttpStatusCode.Conflict)
                {
                    var account = AccountOf(await ReadAsync(registered, cancellationToken));
                    if (person.Bio.Length > 0) await CallAsync(HttpMethod.Patch, "/api/v1/users/me", account.Token, new { bio = person.Bio }, cancellationToken);
                    return account;
                }
            }
            using var signedIn = await SendAsync(HttpMethod.Post, "/api/v1/auth/login", null, new { login = handle, password }, cancellationToken);
            if (signedIn.StatusCode is not HttpStatusCode.Unauthorized) return AccountOf(await ReadAsync(signedIn, cancellationToken));
        }
        throw new DemoException($"The handle {person.Handle} and {HandlesMax - 1} like it are taken by others.");
    }

    /// <summary>The work that an earlier run published, or null.</summary>
    public async Task<string?> FindWorkAsync(Account author, DemoScript.Clip clip, CancellationToken cancellationToken)
    {
        var works = await CallAsync(HttpMethod.Get, $"/api/v1/works?author={author.Id}&limit=100", author.Token, null, cancellationToken);
        return IdWhere(works, work => work.GetProperty("title").GetString() == clip.Title);
    }

    /// <summary>A clip that an earlier run ordered and did not publish, or null.</summary>
    public async Task<string?> FindGenerationAsync(Account author, DemoScript.Clip clip, CancellationToken cancellationToken)
    {
        var generations = await CallAsync(HttpMethod.Get, "/api/v1/generations?limit=100", author.Token, null, cancellationToken);
        return IdWhere(generations, each => each.GetProperty("prompt").GetString() == clip.Prompt && each.GetProperty("workId").ValueKind is JsonValueKind.Null && each.GetProperty("status").GetString() is not ("failed" or "cancelled"));
    }

    /// <summary>Orders a clip; answers its id.</summary>
    public async Task<string> OrderAsync(Account author, DemoScript.Clip clip, CancellationToken cancellationToken) =>
        IdOf(await CallAsync(HttpMethod.Post, "/api/v1/generations", author.Token, new { prompt = clip.Prompt, seconds = clip.Seconds, size = clip.Size }, cancellationToken));

    /// <summary>Waits until the clip is ready; <paramref name="progress"/> gets 0 to 100.</summary>
    public async Task WaitAsync(Account author, string generation, Action<double> progress, CancellationToken cancellationToken)
    {
        while (true)
        {
            var state = await CallAsync(HttpMethod.Get, "/api/v1/generations/" + generation, author.Token, null, cancellationToken);
            progress(state.GetProperty("progress").GetDouble());
            switch (state.GetProperty("status").GetString())
            {
                case "ready":
                    return;
                case "failed" or "cancelled":
                    throw new DemoException($"A clip was not made: {state.GetProperty("failure")}. It cost nothing; run the command again to go on.");
            }
            await Task.Delay(PollInterval, time, cancellationToken);
        }
    }

    /// <summary>Answers the work's id.</summary>
    public async Task<string> PublishAsync(Account author, string generation, DemoScript.Clip clip, CancellationToken cancellationToken) => IdOf(await CallAsync(
        HttpMethod.Post, "/api/v1/works", author.Token, new { generationId = generation, title = clip.Title, description = clip.Description, tags = clip.Tags, visibility = "public" }, cancellationToken));

    public Task LikeAsync(Account fan, string work, CancellationToken cancellationToken) => CallAsync(HttpMethod.Put, $"/api/v1/works/{work}/like", fan.Token, null, cancellationToken);

    private async Task<JsonElement> CallAsync(HttpMethod method, string path, string token, object? body, CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(method, path, token, body, cancellationToken);
        return await ReadAsync(reply, cancellationToken);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? token, object? body, CancellationToken cancellationToken)
    {
        var key = Guid.NewGuid().ToString();
        for (var attempt = 1; ; attempt++)
        {
            using var request = new HttpRequestMessage(method, path);
            if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            if (method == HttpMethod.Post) request.Headers.Add("Idempotency-Key", key); // the same for every try
            if (body is not null) request.Content = JsonContent.Create(body);
            var reply = await SendOnceAsync(request, cancellationToken);
            var mayRepeat = reply.StatusCode is HttpStatusCode.TooManyRequests || (reply.StatusCode is HttpStatusCode.ServiceUnavailable && path != "/health/ready");
            if (!mayRepeat || attempt == TriesMax) return reply;
            var wait = reply.Headers.RetryAfter?.Delta ?? RetryAfterDefault;
            if (wait > RetryAfterMax) return reply;
            reply.Dispose();
            await Task.Delay(wait, time, cancellationToken);
        }
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await http.SendAsync(request, cancellationToken);
        }
        catch (HttpRequestException failure)
        {
            throw new DemoException(failure.Message, failure);
        }
        catch (TaskCanceledException late) when (late.InnerException is TimeoutException)
        {
            throw new DemoException($"{request.Method} {request.RequestUri} was not answered within {http.Timeout.TotalSeconds:0} s.", late);
        }
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage reply, CancellationToken cancellationToken)
    {
        var request = $"{reply.RequestMessage?.Method} {reply.RequestMessage?.RequestUri?.AbsolutePath}";
        try
        {
            var body = await reply.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
            if (reply.IsSuccessStatusCode) return body;
            throw new DemoException($"{request} was refused with {(int)reply.StatusCode}: {(body.TryGetProperty("detail", out var detail) ? detail : body)}");
        }
        catch (JsonException failure)
        {
            throw new DemoException($"{request} was answered {(int)reply.StatusCode} without JSON: is it SkyRiff?", failure);
        }
    }

    private static Account AccountOf(JsonElement signedIn) => new(IdOf(signedIn.GetProperty("user")), signedIn.GetProperty("accessToken").GetString()!);

    private static string IdOf(JsonElement thing) => thing.GetProperty("id").GetString()!;

    private static string? IdWhere(JsonElement list, Func<JsonElement, bool> wanted)
    {
        foreach (var item in list.GetProperty("items").EnumerateArray())
        {
            if (wanted(item)) return IdOf(item);
        }
        return null;
    }
}
