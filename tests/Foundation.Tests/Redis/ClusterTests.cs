using System.Text;
using Shouldly;
using SkyRiff.Redis;
using SkyRiff.Redis.Cluster;
using SkyRiff.Redis.Protocol;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Redis;

/// <summary>A real cluster of six, shared by the tests that do not break it.</summary>
public sealed class RedisClusterFixture : IAsyncLifetime
{
    public RedisClusterProcess Cluster { get; private set; } = null!;

    public RedisOptions Options => new()
    {
        Endpoints = [new RedisEndpoint("127.0.0.1", Cluster.Servers[0].Port)],
        Topology = RedisTopology.Cluster,
        TimeLimit = TimeSpan.FromSeconds(15),
        OutagePatience = TimeSpan.FromSeconds(15),
    };

    public async ValueTask InitializeAsync() => Cluster = await RedisClusterProcess.StartAsync();

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}

public sealed class ClusterTests(RedisClusterFixture fixture) : IClassFixture<RedisClusterFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Commands_find_the_node_of_their_key_and_many_keys_are_split_and_rejoined()
    {
        await using var redis = await RedisClient.ConnectAsync(fixture.Options, Cancellation);
        await redis.SetManyAsync(Enumerable.Range(0, 300).SelectMany(i => new RedisArg[] { $"key:{i}", i }).ToArray(), Cancellation);
        var keys = Enumerable.Range(0, 310).Select(i => (RedisArg)$"key:{i}").ToArray();
        var values = new RedisValue[310];
        await redis.GetManyAsync(keys, values, Cancellation);
        values.Select(v => v.GetString()).ShouldBe(Enumerable.Range(0, 310).Select(i => i < 300 ? i.ToString() : null));
        (await redis.CountExistingAsync(keys, Cancellation)).ShouldBe(300);

        var seen = new HashSet<string>();
        await foreach (var key in redis.ScanKeysAsync("key:*", 50, Cancellation))
        {
            using (key)
                seen.Add(key.GetString()!);
        }

        seen.Count.ShouldBe(300);
        (await redis.DeleteManyAsync(keys, Cancellation)).ShouldBe(300);
    }

    [Fact]
    public async Task Transactions_and_scripts_go_where_their_keys_are()
    {
        await using var redis = await RedisClient.ConnectAsync(fixture.Options, Cancellation);
        var script = new RedisScript("return redis.call('INCRBY', KEYS[1], ARGV[1])");
        for (var i = 0; i < 20; i++)
        {
            (await redis.EvaluateIntegerAsync(script, [$"s{i}"], [i], Cancellation)).ShouldBe(i);
            using var done = await redis.CreateTransaction().Queue(["INCR", $"s{i}"]).Queue(["DEL", $"s{i}"]).ExecuteAsync(Cancellation);
            done.Root.Count.ShouldBe(2);
        }
    }

    [Fact]
    public async Task Reads_may_go_to_replicas_and_writes_never_do()
    {
        await using var primary = await RedisClient.ConnectAsync(fixture.Options, Cancellation);
        var replicas = primary.WithReadsFrom(RedisReadFrom.Replica);
        await primary.SetAsync("replicated", "v", null, Cancellation);
        await Eventually.TrueAsync(
            async () =>
            {
                using var value = await replicas.GetAsync("replicated", Cancellation);
                value.GetString().ShouldBeOneOf("v", null);
                return await ReadsOnReplicasAsync() > 0;
            },
            "no read reached a replica");
        await replicas.SetAsync("replicated", "w", null, Cancellation);
        (await primary.DeleteAsync("replicated", Cancellation)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_slot_on_its_way_is_served_from_both_ends_and_found_at_its_new_home()
    {
        await using var redis = await RedisClient.ConnectAsync(fixture.Options, Cancellation);
        const string tag = "{moving}";
        var slot = KeySlot.Of("moving"u8);
        for (var i = 0; i < 20; i++)
            await redis.SetAsync($"{tag}:{i}", i, null, Cancellation);

        var router = (ClusterRouter)redis.Router;
        var source = router.PrimaryOf(slot).Endpoint.Port;
        var target = router.Primaries.First(node => node.Endpoint.Port != source).Endpoint.Port;
        var sourceId = (await RedisClusterProcess.AskAsync(source, "CLUSTER", "MYID")).Trim();
        var targetId = (await RedisClusterProcess.AskAsync(target, "CLUSTER", "MYID")).Trim();
        await RedisClusterProcess.AskAsync(target, "CLUSTER", "SETSLOT", $"{slot}", "IMPORTING", sourceId);
        await RedisClusterProcess.AskAsync(source, "CLUSTER", "SETSLOT", $"{slot}", "MIGRATING", targetId);
        for (var i = 0; i < 10; i++)
            await RedisClusterProcess.AskAsync(source, "MIGRATE", "127.0.0.1", $"{target}", $"{tag}:{i}", "0", "1000");

        await DemandAllAsync(); // half of them by ASK
        var counter = redis.IncrementAsync($"{tag}:new", 1, Cancellation).AsTask();
        for (var i = 10; i < 20; i++)
            await RedisClusterProcess.AskAsync(source, "MIGRATE", "127.0.0.1", $"{target}", $"{tag}:{i}", "0", "1000");
        foreach (var port in new[] { target, source })
            await RedisClusterProcess.AskAsync(port, "CLUSTER", "SETSLOT", $"{slot}", "NODE", targetId);
        await DemandAllAsync(); // by MOVED, then directly
        (await counter).ShouldBe(1);
        await Eventually.TrueAsync(() => router.PrimaryOf(slot).Endpoint.Port == target, "the client did not learn the slot's new home");

        async Task DemandAllAsync()
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
            {
                using var value = await redis.GetAsync($"{tag}:{i}", Cancellation);
                return value.GetString();
            }));
            answers.ShouldBe(Enumerable.Range(0, 20).Select(i => i.ToString()));
        }
    }

    [Fact]
    public async Task Sharded_messages_and_plain_messages_arrive()
    {
        await using var redis = await RedisClient.ConnectAsync(fixture.Options, Cancellation);
        await using var sharded = await redis.SubscribeShardedAsync(["room:1", "room:2", "room:3"], 64, Cancellation);
        await using var plain = await redis.SubscribeAsync(["news"], 64, Cancellation);
        for (var i = 1; i <= 3; i++)
            (await redis.PublishShardedAsync($"room:{i}", $"m{i}", Cancellation)).ShouldBe(1);
        await redis.PublishAsync("news", "n", Cancellation);

        var got = new HashSet<string>();
        await foreach (var message in sharded.ReadAllAsync(Cancellation))
        {
            got.Add($"{message.Channel}={Encoding.UTF8.GetString(message.Payload.Span)}");
            if (got.Count == 3)
                break;
        }

        got.ShouldBe(["room:1=m1", "room:2=m2", "room:3=m3"], ignoreOrder: true);
        await using var reader = plain.ReadAllAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        (await reader.MoveNextAsync()).ShouldBeTrue();
        reader.Current.Channel.ShouldBe("news");
    }

    [Fact]
    public async Task A_sharded_channel_follows_its_slot_to_another_node()
    {
        await using var redis = await RedisClient.ConnectAsync(fixture.Options, Cancellation);
        const string channel = "{roaming}news";
        var slot = KeySlot.Of("roaming"u8);
        await using var subscription = await redis.SubscribeShardedAsync([channel], 64, Cancellation);
        var router = (ClusterRouter)redis.Router;
        var source = router.PrimaryOf(slot).Endpoint.Port;
        var target = router.Primaries.First(node => node.Endpoint.Port != source).Endpoint.Port;
        var targetId = (await RedisClusterProcess.AskAsync(target, "CLUSTER", "MYID")).Trim();
        foreach (var port in new[] { target, source })
            await RedisClusterProcess.AskAsync(port, "CLUSTER", "SETSLOT", $"{slot}", "NODE", targetId);

        var told = new List<string>();
        await using var reader = subscription.ReadAllAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        while (!told.Contains("Resumed") && await reader.MoveNextAsync())
            told.Add(reader.Current.Kind.ToString());
        told.ShouldBe(["Interrupted", "Resumed"]);
        (await redis.PublishShardedAsync(channel, "moved", Cancellation)).ShouldBe(1);
        (await reader.MoveNextAsync()).ShouldBeTrue();
        Encoding.UTF8.GetString(reader.Current.Payload.Span).ShouldBe("moved");
    }

    [Fact]
    public async Task Broadcast_tracking_watches_all_primaries()
    {
        await using var redis = await RedisClient.ConnectAsync(fixture.Options, Cancellation);
        var events = new InvalidationStream(64);
        await using var tracking = redis.TrackPrefixes(["tracked:"], events);
        await using var reader = events.ReadAllAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        (await reader.MoveNextAsync()).ShouldBeTrue();
        reader.Current.Kind.ShouldBe(InvalidationKind.Restored);
        var wanted = Enumerable.Range(0, 20).Select(i => $"tracked:{i}").ToHashSet();
        foreach (var key in wanted)
            await redis.SetAsync(key, 1, null, Cancellation);
        while (wanted.Count > 0 && await reader.MoveNextAsync())
            wanted.Remove(Encoding.UTF8.GetString(reader.Current.Key.Span)).ShouldBeTrue();
    }

    [Fact]
    public void A_slot_map_is_read_with_its_replicas_and_a_missing_address_means_the_one_who_answered()
    {
        var answeredBy = new RedisEndpoint("10.0.0.9", 7000);
        var map = SlotMap.Read(
            RespElement.Parse("*2\r\n*4\r\n:0\r\n:8191\r\n*3\r\n$0\r\n\r\n:7001\r\n$1\r\na\r\n*3\r\n$8\r\n10.0.0.2\r\n:7002\r\n$1\r\nb\r\n*3\r\n:8192\r\n:16383\r\n*3\r\n$-1\r\n:7003\r\n$1\r\nc\r\n"u8),
            answeredBy);
        map.SlotsCovered.ShouldBe(KeySlot.Count);
        map.Ranges[0].Primary.ShouldBe(new RedisEndpoint("10.0.0.9", 7001));
        map.Ranges[0].Replicas.ShouldBe([new RedisEndpoint("10.0.0.2", 7002)]);
        map.Ranges[1].Primary.ShouldBe(new RedisEndpoint("10.0.0.9", 7003));
    }

    [Theory]
    [InlineData("MOVED 3999 127.0.0.1:6381", "Moved 3999 127.0.0.1:6381")]
    [InlineData("MOVED 3999 :6381", "Moved 3999 me:6381")]
    [InlineData("ASK 1 ::1:7000", "Ask 1 ::1:7000")]
    [InlineData("MOVED x 127.0.0.1:6381", "None 0 ")]
    [InlineData("MOVED 16384 127.0.0.1:6381", "None 0 ")]
    [InlineData("TRYAGAIN Multiple keys", "Later -1 ")]
    [InlineData("CLUSTERDOWN Hash slot not served", "Later -1 ")]
    [InlineData("ERR no", "None -1 ")]
    public void An_error_tells_where_to_go(string error, string expected)
    {
        var redirect = Redirect.Read(Encoding.UTF8.GetBytes(error), "me");
        $"{redirect.Kind} {redirect.Slot} {redirect.Endpoint}".ShouldBe(expected);
    }

    private async Task<int> ReadsOnReplicasAsync()
    {
        var calls = 0;
        foreach (var server in fixture.Cluster.Servers)
        {
            var role = await RedisClusterProcess.AskAsync(server.Port, "ROLE");
            if (role.StartsWith("slave", StringComparison.Ordinal) && (await RedisClusterProcess.AskAsync(server.Port, "INFO", "commandstats")).Contains("cmdstat_get:", StringComparison.Ordinal))
                calls++;
        }

        return calls;
    }
}
