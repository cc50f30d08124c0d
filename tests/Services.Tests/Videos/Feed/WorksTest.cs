using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Kernel.Secrets;
using SkyRiff.Redis;
using SkyRiff.Testing;
using SkyRiff.Videos;
using SkyRiff.Videos.Feed;
using SkyRiff.Videos.Media;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Feed;

/// <summary>Two processes of one installation that show works, on two shards, with a real Redis between them. Consumers and loops run when a test says so.</summary>
public abstract class WorksTest(SharedPostgres shared) : IAsyncLifetime
{
    protected static readonly CancellationToken Ct = CancellationToken.None;

    private readonly string _folder = Directory.CreateTempSubdirectory("skyriff-works-").FullName;
    private PrivatePostgres _postgres = null!;
    private DataOptions _options = null!;

    private protected ShardMap Map { get; private set; } = null!;

    private protected TestApi Here { get; private set; } = null!;

    private protected TestApi There { get; private set; } = null!;

    private protected BoardKeeping Keeping => Here.Services.GetRequiredService<BoardKeeping>();

    private VideosDatabase Database => Here.Services.GetRequiredService<VideosDatabase>();

    private protected LatestBoard Board => Here.Services.GetRequiredService<LatestBoard>();

    protected virtual int BoardMax => 1_000;

    public async ValueTask InitializeAsync()
    {
        _postgres = await shared.GetAsync();
        _options = await _postgres.CreateShardsAsync(2, Migration.Embedded("videos", typeof(VideosModule).Assembly));
        Map = new ShardMap(_options);
        await new DirectoryStore(Map).LoadAsync(Ct);
        Here = await StartApiAsync();
        There = await StartApiAsync();
        foreach (var api in new[] { Here, There }) await api.Services.GetRequiredService<RedisClient>().ConnectAsync(Ct);
    }

    public async ValueTask DisposeAsync()
    {
        await Here.DisposeAsync();
        await There.DisposeAsync();
        await Map.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected Task<TestApi> StartApiAsync(Action<IServiceCollection>? more = null) => TestApi.StartAsync(
        Map, new VideosModule(),
        [
            KeyValuePair.Create<string, string?>("Videos:ObjectsFolder", Path.Combine(_folder, "objects")), KeyValuePair.Create<string, string?>("Videos:ScratchFolder", Path.Combine(_folder, "scratch")),
            KeyValuePair.Create<string, string?>("Videos:Feed:BoardMax", BoardMax.ToString()),
        ],
        background: false, add: services =>
        {
            services.AddSingleton(new MasterKey(new byte[32])).AddSingleton<ICredits>(new Others()).AddSingleton<IEntitlements>(new Others()).AddSingleton<IProfiles>(new Others()).AddSingleton<ILikes>(new Others());
            more?.Invoke(services);
        });

    /// <summary>Slots 0 and 1 lie on different shards.</summary>
    private protected async Task<UserId> NewUserAsync(int slot) => new(await NewIdAsync(slot));

    /// <summary>A work as if it had been published by a process that died right after its commit: nobody was told.</summary>
    private protected async Task<WorkId> PublishedAsync(UserId user, string visibility = "public", string title = "a title")
    {
        var id = await NewIdAsync(user.Slot());
        var manifest = Manifest(id);
        await Database.PrimaryAsync(user.Slot(), async (sql, token) =>
        {
            await sql.ExecuteAsync($"""
                INSERT INTO videos.generations (id, user_id, request_key, phase, provider, model, prompt, seconds, width, height, seed, priority, quoted, held, captured, manifest, work_id)
                VALUES ({id}, {user}, {"k" + id}, 'Ready', 'studio', 'studio-1', 'a prompt', 4, 1280, 720, 1, 0, 40, 40, 40, {manifest}::jsonb, {id})
                """, token);
            return await sql.ExecuteAsync($"""
                INSERT INTO videos.works (id, user_id, generation_id, title, description, tags, visibility, prompt, model, manifest)
                VALUES ({id}, {user}, {id}, {title}, '', '{Sql.Splice("{}")}', {visibility}, 'a prompt', 'studio-1', {manifest}::jsonb)
                """, token);
        }, Ct);
        return new WorkId(id);
    }

    private protected Task<string> SqlAsync(int slot, string sql) => _postgres.QueryAsync(_options.Shards[Map.ShardOf(slot).Number].Primary.Split("Database=")[1], sql);

    private protected async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(TestApi api, HttpMethod method, string path, UserId? caller = null, string? json = null, string? key = null)
    {
        using var request = new HttpRequestMessage(method, "/api/v1" + path);
        if (caller is { } user) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", user.ToString());
        if (key is not null) request.Headers.Add("Idempotency-Key", key);
        if (json is not null) request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        using var reply = await api.Client.SendAsync(request, Ct);
        var body = await reply.Content.ReadAsStringAsync(Ct);
        return (reply.StatusCode, body.Length == 0 ? default : JsonDocument.Parse(body).RootElement);
    }

    /// <summary>The ids on all pages of the latest feed, in the order shown.</summary>
    private protected async Task<List<WorkId>> FeedAsync(TestApi api, int limit = 100, UserId? caller = null)
    {
        var ids = new List<WorkId>();
        string? cursor = null;
        do
        {
            var (status, page) = await SendAsync(api, HttpMethod.Get, $"/works?limit={limit}" + (cursor is null ? "" : "&cursor=" + Uri.EscapeDataString(cursor)), caller);
            status.ShouldBe(HttpStatusCode.OK, page.ToString());
            ids.AddRange(page.GetProperty("items").EnumerateArray().Select(item => new WorkId(long.Parse(item.GetProperty("id").GetString()!))));
            cursor = page.GetProperty("nextCursor").GetString();
        }
        while (cursor is not null);
        return ids;
    }

    private Task<long> NewIdAsync(int slot) => Database.PrimaryAsync(slot, (sql, token) => sql.SingleAsync($"SELECT skyriff.next_id({slot})", row => row.Long(0), token), Ct);

    private static string Manifest(long id)
    {
        PackageObject Stored(string name) => new($"clips/{id}/{name}", "video/mp4", 1, new string('a', 64));
        var rendition = new Rendition("720p", 1280, 720, 24, "avc1.64001f", 1, 1, Stored("a.m3u8"), Stored("a.mp4"));
        return ApiJson.Text(new PackageManifest
        {
            Master = Stored("m.m3u8"),
            Renditions = [rendition],
            Mp4 = Stored("v.mp4"),
            Poster = Stored("p.webp"),
            Strip = new PreviewStrip(Stored("s.webp"), 10, 160, 90),
            Duration = TimeSpan.FromSeconds(4),
            Width = 1280,
            Height = 720,
            HasAudio = true,
            PreviewMaster = Stored("q.m3u8"),
        });
    }

    /// <summary>What other services do.</summary>
    private sealed class Others : ICredits, IEntitlements, IProfiles, ILikes
    {
        public Task OpenWalletAsync(UserId user, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<Outcome<Hold>> HoldAsync(UserId user, GenerationId generation, long credits, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<Hold> CaptureAsync(UserId user, GenerationId generation, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<Hold> ReleaseAsync(UserId user, GenerationId generation, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<Entitlements> OfAsync(UserId user, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<IReadOnlyDictionary<UserId, Author>> OfAsync(IReadOnlyCollection<UserId> users, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyDictionary<UserId, Author>>(users.ToDictionary(user => user, user => new Author(user, "u" + user, "U", null)));

        public Task<UserId?> FindAsync(string handle, CancellationToken cancellationToken) => Task.FromResult<UserId?>(null);

        public Task<IReadOnlyDictionary<WorkId, WorkLikes>> OfAsync(IReadOnlyCollection<WorkId> works, UserId? viewer, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyDictionary<WorkId, WorkLikes>>(works.ToDictionary(work => work, _ => WorkLikes.None));
    }
}
