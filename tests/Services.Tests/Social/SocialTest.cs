using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Social;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Social;

/// <summary>Social over HTTP and its own shards, beside works that a test simply says exist. A test ends with every count being what the likes say.</summary>
public abstract class SocialTest(SharedPostgres shared) : IAsyncLifetime
{
    protected static readonly CancellationToken Ct = CancellationToken.None;

    private PrivatePostgres _postgres = null!;
    private DataOptions _options = null!;
    private ShardMap _map = null!;

    private protected TestApi Api { get; private set; } = null!;

    private protected SocialDatabase Database { get; private set; } = null!;

    private protected ILikes Likes => Api.Services.GetRequiredService<ILikes>();

    private protected WorksThatExist Works { get; } = new();

    private protected IReadOnlyList<string> Databases => [.. _options.Shards.Select(shard => shard.Primary.Split("Database=")[1])];

    public async ValueTask InitializeAsync()
    {
        _postgres = await shared.GetAsync();
        _options = await _postgres.CreateShardsAsync(2, Migration.Embedded("social", typeof(SocialModule).Assembly));
        _map = new ShardMap(_options);
        await new DirectoryStore(_map).LoadAsync(Ct);
        Database = new SocialDatabase(_map, Entropy.System, TimeProvider.System);
        Api = await TestApi.StartAsync(_map, new SocialModule(), [], add: services => services.AddSingleton<IWorks>(Works));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var shard in Databases)
        {
            (await _postgres.QueryAsync(shard, """
                SELECT work_id FROM (SELECT work_id, count(*) FROM social.likes GROUP BY 1) real FULL JOIN social.work_likes USING (work_id) WHERE coalesce(count, 0) <> coalesce(likes, -1)
                """)).ShouldBe("", "works whose count is not what their likes say");
        }
        await Api.DisposeAsync();
        await _map.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected Task<UserId> NewUserAsync(int slot = 3) => Database.PrimaryAsync(slot, (sql, token) => sql.SingleAsync($"SELECT skyriff.next_id({slot})", row => row.Id<UserId>(0), token), Ct);

    /// <summary>A public work; slots 0 and 1 lie on different shards.</summary>
    private protected async Task<WorkId> NewWorkAsync(int slot = 0, UserId? privateTo = null)
    {
        var work = await Database.PrimaryAsync(slot, (sql, token) => sql.SingleAsync($"SELECT skyriff.next_id({slot})", row => row.Id<WorkId>(0), token), Ct);
        Works.Add(work, privateTo);
        return work;
    }

    private protected async Task<string> LikeAsync(WorkId work, UserId user) => await SendAsync(HttpMethod.Put, work.ToString(), user);

    private protected async Task<string> UnlikeAsync(WorkId work, UserId user) => await SendAsync(HttpMethod.Delete, work.ToString(), user);

    private protected async Task<string> SendAsync(HttpMethod method, string work, UserId? user, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using var request = new HttpRequestMessage(method, $"/api/v1/works/{work}/like");
        if (user is { } caller) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", caller.ToString());
        using var reply = await Api.Client.SendAsync(request, Ct);
        var body = await reply.Content.ReadAsStringAsync(Ct);
        reply.StatusCode.ShouldBe(expected, body);
        return body;
    }

    private protected async Task<long> RowsAsync(string table)
    {
        var count = 0L;
        foreach (var shard in Databases) count += long.Parse(await _postgres.QueryAsync(shard, $"SELECT count(*) FROM social.{table}"));
        return count;
    }

    /// <summary>What Videos would say.</summary>
    internal sealed class WorksThatExist : IWorks
    {
        private readonly ConcurrentDictionary<WorkId, UserId?> _privateTo = new();

        public void Add(WorkId work, UserId? privateTo) => _privateTo[work] = privateTo;

        public Task<bool> IsVisibleAsync(WorkId work, UserId viewer, CancellationToken cancellationToken) =>
            Task.FromResult(_privateTo.TryGetValue(work, out var owner) && (owner is null || owner == viewer));
    }
}
