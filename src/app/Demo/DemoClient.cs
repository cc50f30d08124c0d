using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace SkyRiff.App.Demo;

/// <summary>What the demo needs of the API, as any client would use it.</summary>
internal sealed class DemoClient(HttpClient http)
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>Registers, under the handle or the next free one; answers the access token.</summary>
    public async Task<string> RegisterAsync(DemoScript.Person person, string password, CancellationToken cancellationToken)
    {
        for (var suffix = 1; ; suffix++)
        {
            var handle = suffix == 1 ? person.Handle : $"{person.Handle}{suffix}";
            using var reply = await http.PostAsJsonAsync("/api/v1/auth/register", new { handle, email = $"{handle}@demo.example", password, displayName = person.Name }, cancellationToken);
            if (reply.StatusCode is System.Net.HttpStatusCode.Conflict) continue;
            var token = (await ReadAsync(reply, cancellationToken)).GetProperty("accessToken").GetString()!;
            using var profile = await SendAsync(HttpMethod.Patch, "/api/v1/users/me", token, new { bio = person.Bio }, cancellationToken);
            return token;
        }
    }

    /// <summary>Orders a clip and waits until it is ready; answers its id. <paramref name="progress"/> gets 0 to 100.</summary>
    public async Task<string> GenerateAsync(string token, DemoScript.Clip clip, Action<double> progress, CancellationToken cancellationToken)
    {
        using var order = await SendAsync(HttpMethod.Post, "/api/v1/generations", token, new { prompt = clip.Prompt, seconds = clip.Seconds, size = clip.Size }, cancellationToken);
        var id = order.RootElement.GetProperty("id").GetString()!;
        while (true)
        {
            using var state = await SendAsync(HttpMethod.Get, "/api/v1/generations/" + id, token, null, cancellationToken);
            progress(state.RootElement.GetProperty("progress").GetDouble());
            switch (state.RootElement.GetProperty("status").GetString())
            {
                case "ready":
                    return id;
                case "failed" or "cancelled":
                    throw new HttpRequestException($"The clip \"{clip.Title}\" was not made: {state.RootElement.GetProperty("failure")}");
            }
            await Task.Delay(PollInterval, cancellationToken);
        }
    }

    public async Task PublishAsync(string token, string generation, DemoScript.Clip clip, CancellationToken cancellationToken)
    {
        using var work = await SendAsync(HttpMethod.Post, "/api/v1/works", token, new { generationId = generation, title = clip.Title, description = clip.Description, tags = clip.Tags, visibility = "public" }, cancellationToken);
    }

    private async Task<JsonDocument> SendAsync(HttpMethod method, string path, string token, object? body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (method == HttpMethod.Post) request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString());
        if (body is not null) request.Content = JsonContent.Create(body);
        using var reply = await http.SendAsync(request, cancellationToken);
        return JsonDocument.Parse((await ReadAsync(reply, cancellationToken)).GetRawText());
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage reply, CancellationToken cancellationToken)
    {
        var body = await reply.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
        return reply.IsSuccessStatusCode ? body : throw new HttpRequestException($"{reply.RequestMessage?.RequestUri?.AbsolutePath} answered {(int)reply.StatusCode}: {body}");
    }
}
