using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace SkyRiff.SystemTests.Kit;

/// <summary>
/// Somebody who sells clips over the OpenAI-compatible <c>/v1/videos</c> dialect, and keeps a bill: what was created, under which key, for which prompt. Each prompt
/// may have a script of misbehaviour; without one it does as it should.
/// </summary>
internal sealed class StubProvider : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Script> _scripts = new();
    private readonly ConcurrentDictionary<string, StubVideo> _videos = new();
    private readonly ConcurrentQueue<(string Prompt, string? Key)> _createCalls = new();
    private readonly WebApplication _app;
    private readonly byte[] _clip;
    private int _last;
    private int _strayCalls;

    private StubProvider(WebApplication app, byte[] clip) => (_app, _clip) = (app, clip);

    public string BaseUrl => _app.Urls.Single() + "/v1";

    /// <summary>Every clip that it would send a bill for.</summary>
    public IReadOnlyList<StubVideo> Videos => [.. _videos.Values.OrderBy(video => video.Number)];

    /// <summary>Requests to paths that the dialect does not have, such as the target of a redirect.</summary>
    public int StrayCalls => Volatile.Read(ref _strayCalls);

    /// <summary>Whether a repeated key answers the first job.</summary>
    public bool HonoursKeys { get; set; }

    /// <summary>Whether the list of jobs answers.</summary>
    public bool Lists { get; set; } = true;

    public static async Task<StubProvider> StartAsync()
    {
        var clip = await StubClip.BytesAsync();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0").ConfigureKestrel(kestrel => kestrel.Limits.MinResponseDataRate = null);
        var app = builder.Build();
        var stub = new StubProvider(app, clip);
        app.MapPost("/v1/videos", stub.CreateAsync);
        app.MapGet("/v1/videos", stub.ListAsync);
        app.MapGet("/v1/videos/{id}", (HttpContext http, string id) => stub.WithAsync(http, id, stub.StatusAsync));
        app.MapGet("/v1/videos/{id}/content", (HttpContext http, string id) => stub.WithAsync(http, id, stub.ContentAsync));
        app.MapDelete("/v1/videos/{id}", (HttpContext http, string id) => stub.WithAsync(http, id, (_, video) => Task.FromResult(video.Deleted = true)));
        app.MapFallback((HttpContext http) =>
        {
            Interlocked.Increment(ref stub._strayCalls);
            http.Response.StatusCode = 404;
        });
        await app.StartAsync(CancellationToken.None);
        return stub;
    }

    /// <summary>Settings that make it a provider of the program.</summary>
    public IEnumerable<KeyValuePair<string, string>> Settings(string name = "stub", string model = "stub-1") => new Dictionary<string, string>
    {
        [$"Videos:OpenAiVideos:{name}:BaseUrl"] = BaseUrl,
        [$"Videos:OpenAiVideos:{name}:ApiKey"] = "the-stubs-key",
        [$"Videos:OpenAiVideos:{name}:PollInterval"] = "00:00:00.2",
        [$"Videos:OpenAiVideos:{name}:CallTimeout"] = "00:00:02",
        [$"Videos:OpenAiVideos:{name}:StallTimeout"] = "00:00:02",
        [$"Videos:OpenAiVideos:{name}:Models:0:Id"] = model,
        [$"Videos:OpenAiVideos:{name}:Models:0:Seconds:0"] = StubClip.Seconds.ToString(CultureInfo.InvariantCulture),
        [$"Videos:OpenAiVideos:{name}:Models:0:Sizes:0"] = StubClip.Size,
        [$"Videos:OpenAiVideos:{name}:Models:0:CreditsPerSecond"] = "10",
    };

    /// <summary>What happens to orders of this prompt.</summary>
    public void On(string prompt, Script script) => _scripts[prompt] = script;

    /// <summary>How many clips were made for a prompt.</summary>
    public int Creations(string prompt) => _videos.Values.Count(video => video.Prompt == prompt);

    /// <summary>Keys of the create calls for a prompt, whether they were taken or not.</summary>
    public IReadOnlyList<string?> Keys(string prompt) => [.. _createCalls.Where(call => call.Prompt == prompt).Select(call => call.Key)];

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    internal byte[] Clip => _clip;

    private Script ScriptOf(string prompt) => _scripts.GetValueOrDefault(prompt) ?? Script.Honest;

    private async Task CreateAsync(HttpContext http)
    {
        using var order = await JsonDocument.ParseAsync(http.Request.Body, cancellationToken: http.RequestAborted);
        string Member(string name) => order.RootElement.GetProperty(name).GetString()!;
        var key = http.Request.Headers["Idempotency-Key"] is [{ } one] ? one : null;
        var prompt = Member("prompt");
        _createCalls.Enqueue((prompt, key));
        StubVideo Take()
        {
            if (HonoursKeys && key is not null && _videos.Values.FirstOrDefault(video => video.Key == key) is { } before) return before;
            var number = Interlocked.Increment(ref _last);
            var made = new StubVideo($"video_{number.ToString(CultureInfo.InvariantCulture)}", number, prompt, key, Member("model"), Member("seconds"), Member("size"), DateTimeOffset.UtcNow.ToUnixTimeSeconds());
            return _videos[made.Id] = made;
        }

        var nth = _createCalls.Count(call => call.Prompt == prompt);
        await ScriptOf(prompt).Create(new CreateCall(http, nth, Take));
    }

    private Task ListAsync(HttpContext http) => Lists
        ? http.Response.WriteAsJsonAsync(new { @object = "list", data = _videos.Values.Where(video => !video.Deleted).OrderByDescending(video => video.Number).Take(100).Select(video => video.Json()) }, http.RequestAborted)
        : Faults.SilenceAsync(http);

    private Task StatusAsync(HttpContext http, StubVideo video)
    {
        video.Polls++;
        return ScriptOf(video.Prompt).Status(http, video);
    }

    private Task ContentAsync(HttpContext http, StubVideo video)
    {
        video.Fetches++;
        return ScriptOf(video.Prompt).Content(http, video, _clip);
    }

    private async Task WithAsync(HttpContext http, string id, Func<HttpContext, StubVideo, Task> answer)
    {
        if (_videos.TryGetValue(id, out var video) && !video.Deleted) await answer(http, video);
        else http.Response.StatusCode = 404;
    }
}

/// <summary>A clip that was ordered and taken.</summary>
internal sealed record StubVideo(string Id, int Number, string Prompt, string? Key, string Model, string Seconds, string Size, long CreatedAt)
{
    public int Polls { get; set; }

    public int Fetches { get; set; }

    public bool Deleted { get; set; }

    public object Json(string status = "queued", int progress = 0, object? error = null) =>
        new { id = Id, @object = "video", created_at = CreatedAt, status, progress, model = Model, seconds = Seconds, size = Size, prompt = Prompt, error };
}

/// <summary>A create call: it may be taken (and will then be on the bill), and it may be answered.</summary>
/// <param name="Nth">1 for the first call of its prompt.</param>
internal sealed record CreateCall(HttpContext Http, int Nth, Func<StubVideo> Take)
{
    public Task AcceptAsync() => Http.Response.WriteAsJsonAsync(Take().Json(), Http.RequestAborted);
}
