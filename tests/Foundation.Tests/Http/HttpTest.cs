using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Shouldly;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Http;

/// <summary>A server with the library's pipeline and a few routes of the tests', on a port of its own. A caller's token is <c>user-1</c> to <c>user-9</c>.</summary>
public abstract class HttpTest : IAsyncLifetime
{
    protected static readonly CancellationToken Ct = CancellationToken.None;

    private WebApplication _app = null!;

    private protected HttpClient Client { get; private set; } = null!;

    private protected List<ApiRoute> Routes { get; } = [];

    private protected TestCallers Callers { get; } = new();

    private protected LogKeeper Log { get; } = new();

    private protected FakeTime Time { get; } = new();

    private protected IServiceProvider Services => _app.Services;

    /// <summary>Host and port.</summary>
    private protected Uri Address => Client.BaseAddress!;

    private protected virtual void AddServices(IServiceCollection services)
    {
    }

    private protected abstract void Map(ApiRoutes api, WebApplication app);

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(Log).SetMinimumLevel(LogLevel.Trace);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton<ICallerVerifier>(Callers).AddSingleton(new CursorSeal(new byte[32])).AddSingleton<TimeProvider>(Time).AddSingleton<UserEventHub>().AddSingleton<UserEventStream>();
        AddServices(builder.Services);
        _app = builder.Build();
        _app.UseMiddleware<ProblemBoundary>();
        Map(new ApiRoutes(_app, Routes), _app);
        await _app.StartAsync(Ct);
        Client = new HttpClient { BaseAddress = new Uri(_app.Urls.Single()) };
    }

    public virtual async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected Task StopServerAsync() => _app.StopAsync(Ct);

    private protected async Task<Reply> SendAsync(HttpMethod method, string path, HttpContent? content = null, string? token = "user-1", Action<HttpRequestMessage>? prepare = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (token is not null) request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
        prepare?.Invoke(request);
        using var response = await Client.SendAsync(request, Ct);
        return new Reply(response.StatusCode, await response.Content.ReadAsStringAsync(Ct), response.Content.Headers.ContentType?.ToString(),
            response.Headers.Concat(response.Content.Headers).ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase));
    }

    private protected Task<Reply> PostJsonAsync(string path, string json) => PostJsonAsync(path, Encoding.UTF8.GetBytes(json));

    private protected Task<Reply> PostJsonAsync(string path, byte[] json, string contentType = "application/json") =>
        SendAsync(HttpMethod.Post, path, new ByteArrayContent(json) { Headers = { { "Content-Type", contentType } } });

    /// <summary>Sends bytes as they are and answers what comes until the server closes.</summary>
    private protected async Task<string> SendRawAsync(string text)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, Address.Port, Ct);
        await using var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(text), Ct);
        var (reply, buffer) = (new StringBuilder(), new byte[4096]);
        try
        {
            while (await stream.ReadAsync(buffer, Ct) is > 0 and var count) reply.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }
        catch (IOException)
        {
            // A reset is an end, too.
        }
        return reply.ToString();
    }

    private protected sealed record Reply(HttpStatusCode Status, string Body, string? ContentType, IReadOnlyDictionary<string, string> Headers)
    {
        public JsonElement Json => JsonDocument.Parse(Body).RootElement;

        public string[] Pointers => [.. Json.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("pointer").GetString()!)];

        public void ShouldBeRefused(HttpStatusCode status, string code)
        {
            Status.ShouldBe(status, Body);
            ContentType.ShouldBe("application/problem+json");
            Json.GetProperty("code").GetString().ShouldBe(code);
            Json.GetProperty("status").GetInt32().ShouldBe((int)status);
        }
    }

    private protected sealed class TestCallers : ICallerVerifier
    {
        public volatile bool Revoked;

        public int Asked;

        public ValueTask<Outcome<Caller>> VerifyAsync(string accessToken, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref Asked);
            return ValueTask.FromResult(!Revoked && accessToken is ['u', 's', 'e', 'r', '-', >= '1' and <= '9']
                ? Outcome<Caller>.Of(new Caller(accessToken[^1] - '0', 1, accessToken[^1] == '9' ? ["admin"] : []))
                : HttpProblems.Unauthenticated.Because("Not a token of these tests."));
        }
    }
}

public readonly record struct ThingId(long Value) : ITypedId<ThingId>
{
    public static ThingId Of(long value) => new(value);
}
