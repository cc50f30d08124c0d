using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Caching;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Ids;
using SkyRiff.Objects;
using SkyRiff.Redis;
using SkyRiff.Services.Tests.Videos.Media;
using SkyRiff.Testing;
using SkyRiff.Videos;
using SkyRiff.Videos.Feed;
using SkyRiff.Videos.Forgetting;
using SkyRiff.Videos.Generating;
using SkyRiff.Videos.Playback;
using SkyRiff.Videos.Publishing;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Forgetting;

/// <summary>What Videos does when Users says that somebody is gone.</summary>
public sealed class ForgetUserTests(SharedPostgres shared) : IAsyncLifetime
{
    private const string Canary = "a prompt that only its author may know";
    private static readonly CancellationToken Ct = CancellationToken.None;

    private readonly MediaKit _kit = new();
    private PrivatePostgres _postgres = null!;
    private DataOptions _options = null!;
    private ShardMap _map = null!;
    private VideosDatabase _database = null!;
    private ForgetUser _consumer = null!;
    private RedisClient _redis = null!;
    private Cache _cache = null!;
    private UserId _user;
    private UserId _other;

    public async ValueTask InitializeAsync()
    {
        _postgres = await shared.GetAsync();
        _options = await _postgres.CreateShardsAsync(1, Migration.Embedded("videos", typeof(VideosModule).Assembly));
        _map = new ShardMap(_options);
        await new DirectoryStore(_map).LoadAsync(Ct);
        _database = new VideosDatabase(_map, Entropy.System, TimeProvider.System);
        _consumer = new ForgetUser(_database, new JobQueue(_database, new JobQueueOptions()), new GenerationRules(), _kit.Store, new MediaAccess(_database, TimeProvider.System), Copies(), TimeProvider.System);
        (_user, _other) = (new UserId(await NewIdAsync(7)), new UserId(await NewIdAsync(7)));
    }

    public async ValueTask DisposeAsync()
    {
        _kit.Dispose();
        await _cache.DisposeAsync();
        await _redis.DisposeAsync();
        await _map.DisposeAsync();
    }

    [Fact]
    public async Task Works_files_prompts_and_stored_replies_go_and_the_receipts_stay()
    {
        var id = await GenerationAsync(_user, "Ready", published: true);
        var failed = await GenerationAsync(_user, "Failed");
        var others = await GenerationAsync(_other, "Ready", published: true);
        foreach (var user in new[] { _user, _other }) await StoreAsync($"avatars/{user}/a.webp", $"references/{user}/b.png");

        await _consumer.HandleAsync(Deleted(eventId: 1), Ct);

        (await SqlAsync("SELECT user_id FROM videos.works")).ShouldBe(_other.ToString());
        (await SqlAsync("SELECT topic || ' ' || (payload->>'work') || ' ' || (payload->>'user') FROM videos.outbox")).ShouldBe($"{Topics.WorkDeleted} {id} {_user}");
        (await SqlAsync($"SELECT count(*) FROM videos.generations WHERE user_id = {_user} AND work_id IS NULL AND reference_key IS NULL")).ShouldBe("2");
        (await SqlAsync($"SELECT quoted || ' ' || captured || ' ' || released FROM videos.generations WHERE id = {id}")).ShouldBe("40 40 0");
        (await SqlAsync($"SELECT released FROM videos.generations WHERE id = {failed}")).ShouldBe("40");
        foreach (var table in new[] { "generations", "works", "idempotency" }) (await SqlAsync($"SELECT count(*) FROM videos.{table} t WHERE t::text LIKE '%{Canary}%'")).ShouldBe(table == "idempotency" ? "0" : "1", table);
        (await KeysAsync()).ShouldBe([$"avatars/{_other}/a.webp", $"clips/{others}/a.mp4", $"references/{_other}/b.png"], ignoreOrder: true);
        (await SqlAsync($"SELECT count(*) FROM videos.idempotency WHERE owner = {_user}")).ShouldBe("0");
    }

    [Fact]
    public async Task The_event_counts_once_and_a_second_delivery_changes_nothing()
    {
        await GenerationAsync(_user, "Ready", published: true);
        await _consumer.HandleAsync(Deleted(eventId: 1), Ct);
        (await SqlAsync("SELECT consumer || ' ' || event_id FROM videos.inbox")).ShouldBe("videos.forget_user 1");

        await StoreAsync($"avatars/{_user}/after.webp");
        await _consumer.HandleAsync(Deleted(eventId: 1), Ct);
        (await KeysAsync()).ShouldBe([$"avatars/{_user}/after.webp"]);
        await _consumer.HandleAsync(Deleted(eventId: 2), Ct);
        (await KeysAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_is_being_made_is_cancelled_and_the_event_comes_again_until_it_has_ended()
    {
        var id = await GenerationAsync(_user, "Running");
        await SqlAsync($"INSERT INTO videos.jobs (id, kind, owner, priority, turn, run_at, payload, leased_by, leased_until) VALUES ({id}, 'studio', {_user}, 0, 0, now(), '{{}}', 'a worker', now() + interval '1 minute')");
        var fence = await SqlAsync("SELECT fence FROM videos.jobs");

        await Should.ThrowAsync<InvalidOperationException>(() => _consumer.HandleAsync(Deleted(eventId: 1), Ct));

        (await SqlAsync($"SELECT phase || coalesce(failure_class, '') FROM videos.generations WHERE id = {id}")).ShouldBe("Releasing");
        (await SqlAsync("SELECT fence FROM videos.jobs WHERE leased_by IS NULL AND run_at <= now()")).ShouldNotBeOneOf(fence, "");
        (await SqlAsync("SELECT count(*) FROM videos.inbox")).ShouldBe("0");

        await SqlAsync($"UPDATE videos.generations SET phase = 'Cancelled', released = held WHERE id = {id}; DELETE FROM videos.jobs");
        await _consumer.HandleAsync(Deleted(eventId: 1), Ct);
        (await SqlAsync($"SELECT prompt FROM videos.generations WHERE id = {id}")).ShouldBe("");
        (await KeysAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_clip_that_is_already_paid_for_is_waited_for()
    {
        var id = await GenerationAsync(_user, "Capturing");
        await SqlAsync($"INSERT INTO videos.jobs (id, kind, owner, priority, turn, run_at, payload) VALUES ({id}, 'studio', {_user}, 0, 0, now(), '{{}}')");
        await Should.ThrowAsync<InvalidOperationException>(() => _consumer.HandleAsync(Deleted(eventId: 1), Ct));
        (await SqlAsync($"SELECT phase FROM videos.generations WHERE id = {id}")).ShouldBe("Capturing");
        await SqlAsync($"UPDATE videos.generations SET phase = 'Ready', captured = held, manifest = '{{}}' WHERE id = {id}");
        await _consumer.HandleAsync(Deleted(eventId: 1), Ct);
        (await KeysAsync()).ShouldBeEmpty();
    }

    /// <summary>Kept in this process alone.</summary>
    private WorkCopies Copies()
    {
        _redis = RedisClient.Create(new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket("/nonexistent/redis.sock")], OutagePatience = TimeSpan.Zero });
        _cache = new Cache(new CacheOptions(), null, TimeProvider.System, Entropy.System, NullLogger<Cache>.Instance);
        return new WorkCopies(_cache, _database, new LatestFeed(new LatestBoard(_redis, new FeedOptions()), TimeProvider.System, NullLogger<LatestFeed>.Instance));
    }

    private EventEnvelope Deleted(long eventId) => new(eventId, Topics.UserDeleted, _user.Value, ApiJson.Text(new UserDeleted(_user)), null);

    private async Task<long> NewIdAsync(int slot) => long.Parse(await SqlAsync($"SELECT skyriff.next_id({slot})"));

    /// <summary>A generation with a stored file, and the stored reply that accepted it.</summary>
    private async Task<long> GenerationAsync(UserId user, string phase, bool published = false)
    {
        var id = await NewIdAsync(user.Slot());
        var (captured, released) = (phase == "Ready" ? 40 : 0, phase == "Failed" ? 40 : 0);
        await SqlAsync($$"""
            INSERT INTO videos.generations (id, user_id, request_key, phase, failure_class, failure_detail, provider, model, prompt, seconds, width, height, seed, reference_key, priority, quoted, held, captured, released, manifest)
            VALUES ({{id}}, {{user}}, 'k{{id}}', '{{phase}}', {{(phase == "Failed" ? "'InputModeration', 'said: " + Canary + "'" : "NULL, NULL")}}, 'studio', 'studio-1', '{{Canary}}', 4, 1280, 720, 1, 'references/{{user}}/b.png', 0, 40, 40, {{captured}}, {{released}}, {{(phase == "Ready" ? "'{}'" : "NULL")}})
            """);
        await SqlAsync($"INSERT INTO videos.idempotency (owner, key, fingerprint, status, reply) VALUES ({user}, 'k{id}', '', 202, 'reply')");
        if (published)
        {
            await SqlAsync($$"""
                INSERT INTO videos.works (id, user_id, generation_id, title, description, tags, visibility, prompt, model, manifest) VALUES ({{id}}, {{user}}, {{id}}, 't', 'd', '{}', 'public', '{{Canary}}', 'm', '{}');
                UPDATE videos.generations SET work_id = {{id}} WHERE id = {{id}}
                """);
        }
        await StoreAsync($"clips/{id}/a.mp4");
        return id;
    }

    private async Task StoreAsync(params string[] keys)
    {
        foreach (var key in keys) await _kit.Store.PutAsync(ObjectKey.Of(key), new MemoryStream(Encoding.UTF8.GetBytes(key)), new PutOptions { ContentType = "text/plain", LengthMax = 1000 }, Ct);
    }

    private async Task<List<string>> KeysAsync()
    {
        var keys = new List<string>();
        await foreach (var stored in _kit.Store.ListAsync(ObjectPrefix.All, null, Ct)) keys.Add(stored.Key.Value);
        return keys;
    }

    private Task<string> SqlAsync(string sql) => _postgres.QueryAsync(_options.Shards[0].Primary.Split("Database=")[1], sql);
}
