using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Kernel.Secrets;
using SkyRiff.Testing;
using SkyRiff.Users;
using Xunit;

namespace SkyRiff.Services.Tests.Users;

/// <summary>Users over HTTP on shards of a test's own, with doubles for what other services do. The clock of tokens and caches is the test's; the database has its own.</summary>
public abstract class UsersTest(SharedPostgres shared) : IAsyncLifetime
{
    protected const string Password = "correct horse battery";
    protected static readonly CancellationToken Ct = CancellationToken.None;

    protected virtual int ShardCount => 2;

    private protected PrivatePostgres Postgres { get; private set; } = null!;

    private protected DataOptions Options { get; private set; } = null!;

    private protected ShardMap Map { get; private set; } = null!;

    private protected TestApi Api { get; private set; } = null!;

    private protected FakeTime Time { get; } = new();

    private protected OtherServices Others { get; } = new();

    private protected UsersDatabase Database => Api.Services.GetRequiredService<UsersDatabase>();

    /// <summary>Settings of section Users, without its name.</summary>
    protected virtual IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>();

    public async ValueTask InitializeAsync()
    {
        Postgres = await shared.GetAsync();
        Options = await Postgres.CreateShardsAsync(ShardCount, Migration.Embedded("users", typeof(UsersModule).Assembly));
        Map = new ShardMap(Options);
        await new DirectoryStore(Map).LoadAsync(Ct);
        Api = await StartApiAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Api.DisposeAsync();
        await Map.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected Task<TestApi> StartApiAsync(params (string Key, string Value)[] more) => TestApi.StartAsync(
        Map, new UsersModule(), Settings.Select(pair => (pair.Key, pair.Value)).Concat(more).Select(pair => KeyValuePair.Create("Users:" + pair.Item1, (string?)pair.Item2)),
        background: false, Time, services => services.AddSingleton(new MasterKey(new byte[32])).AddSingleton<ICredits>(Others).AddSingleton<IWorkCounts>(Others).AddSingleton<IAvatars>(Others));

    private protected Task<Reply> RegisterAsync(string handle, string? email = null, string password = Password) =>
        SendAsync(HttpMethod.Post, "/auth/register", json: JsonSerializer.Serialize(new { handle, email = email ?? handle + "@example.org", password }));

    private protected async Task<Reply> RegisteredAsync(string handle)
    {
        var reply = await RegisterAsync(handle);
        reply.Status.ShouldBe(HttpStatusCode.Created, reply.Body);
        return reply;
    }

    private protected Task<Reply> LogInAsync(string login, string password = Password, TestApi? api = null) =>
        SendAsync(HttpMethod.Post, "/auth/login", json: JsonSerializer.Serialize(new { login, password }), api: api);

    private protected Task<Reply> RefreshAsync(string refreshToken, TestApi? api = null) => SendAsync(HttpMethod.Post, "/auth/refresh", json: JsonSerializer.Serialize(new { refreshToken }), api: api);

    private protected Task<Reply> GetAsync(string path, string? token = null) => SendAsync(HttpMethod.Get, path, token);

    private protected async Task<Reply> SendAsync(HttpMethod method, string path, string? token = null, string? json = null, Action<HttpRequestMessage>? prepare = null, TestApi? api = null)
    {
        using var request = new HttpRequestMessage(method, "/api/v1" + path);
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (json is not null) request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        prepare?.Invoke(request);
        using var response = await (api ?? Api).Client.SendAsync(request, Ct);
        return new Reply(response.StatusCode, await response.Content.ReadAsStringAsync(Ct), response.Headers.ToDictionary(header => header.Key, header => string.Join("; ", header.Value), StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>SQL as the superuser; on all shards, the rows of each.</summary>
    private protected async Task<IReadOnlyList<string>> SqlAsync(string sql)
    {
        var rows = new List<string>();
        foreach (var shard in Options.Shards) rows.AddRange((await Postgres.QueryAsync(shard.Primary.Split("Database=")[1], sql)).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        return rows;
    }

    private protected async Task<long> CountAsync(string from) => (await SqlAsync("SELECT count(*) FROM users." + from)).Sum(long.Parse);

    private protected sealed record Reply(HttpStatusCode Status, string Body, IReadOnlyDictionary<string, string> Headers)
    {
        public JsonElement Json => JsonDocument.Parse(Body).RootElement;

        public string AccessToken => Json.GetProperty("accessToken").GetString()!;

        public string RefreshToken => Json.GetProperty("refreshToken").GetString()!;

        public string UserId => Json.GetProperty("user").GetProperty("id").GetString()!;

        public string Code => Json.GetProperty("code").GetString()!;

        public string[] Pointers => [.. Json.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("pointer").GetString()!)];

        public void ShouldBeRefused(HttpStatusCode status, string code)
        {
            Status.ShouldBe(status, Body);
            Code.ShouldBe(code);
        }
    }

    /// <summary>What Payments and Videos do for Users.</summary>
    private protected sealed class OtherServices : ICredits, IWorkCounts, IAvatars
    {
        public ConcurrentBag<UserId> Wallets { get; } = [];

        public ConcurrentQueue<string> Deleted { get; } = [];

        public Problem? Refusal { get; set; }

        public Exception? Fault { get; set; }

        private int _stored;

        public Task OpenWalletAsync(UserId user, CancellationToken cancellationToken)
        {
            Wallets.Add(user);
            return Task.CompletedTask;
        }

        public Task<Outcome<Hold>> HoldAsync(UserId user, GenerationId generation, long credits, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<Hold> CaptureAsync(UserId user, GenerationId generation, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<Hold> ReleaseAsync(UserId user, GenerationId generation, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<long> OfAsync(UserId user, CancellationToken cancellationToken) => Task.FromResult(3L);

        public Task<Outcome<string>> StoreAsync(UserId user, ReadOnlyMemory<byte> image, string? contentType, CancellationToken cancellationToken) =>
            Task.FromResult(Refusal is { } refusal ? Outcome<string>.Refused(refusal) : Outcome<string>.Of($"/media/avatars/{user}/{Interlocked.Increment(ref _stored)}.webp"));

        public Task DeleteAsync(UserId user, string path, CancellationToken cancellationToken)
        {
            if (Fault is { } fault) throw fault;
            Deleted.Enqueue(path);
            return Task.CompletedTask;
        }
    }
}
