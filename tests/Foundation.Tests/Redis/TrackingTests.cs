using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Redis;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Redis;

[Collection(nameof(RedisServerFixture))]
public sealed class TrackingTests(RedisServerFixture fixture)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Broadcast_tells_of_writes_by_anybody_to_watched_prefixes_only()
    {
        var prefix = fixture.Key("watched");
        var events = new InvalidationStream(64);
        await using var tracking = fixture.Redis.TrackPrefixes([prefix], events);
        await using var reader = events.ReadAllAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        (await NextAsync(reader)).ShouldBe("Restored");
        tracking.IsLive.ShouldBeTrue();

        await fixture.Redis.SetAsync(fixture.Key("other"), 1, null, Cancellation);
        await fixture.Redis.SetAsync(prefix + ":a", 1, null, Cancellation);
        await fixture.Redis.DeleteAsync(prefix + ":a", Cancellation);
        (await NextAsync(reader)).ShouldBe($"Key {prefix}:a");
        (await NextAsync(reader)).ShouldBe($"Key {prefix}:a");
    }

    [Fact]
    public async Task A_tracked_read_is_followed_by_one_invalidation_and_an_untracked_read_by_none()
    {
        await using var redis = await RedisClient.ConnectAsync(new RedisOptions { Endpoints = fixture.Options.Endpoints, TrackReads = true }, Cancellation);
        var events = new InvalidationStream(64);
        using var registration = redis.OnInvalidated(events);
        await using var reader = events.ReadAllAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        (await NextAsync(reader)).ShouldBe("Restored");

        var (tracked, plain) = (fixture.Key("tracked"), fixture.Key("plain"));
        await fixture.Redis.SetAsync(tracked, "1", null, Cancellation);
        using (var value = await redis.GetTrackedAsync(tracked, Cancellation))
            value.GetString().ShouldBe("1");
        (await redis.GetAsync(plain, Cancellation)).IsNull.ShouldBeTrue();

        await fixture.Redis.SetAsync(plain, "2", null, Cancellation);
        await fixture.Redis.SetAsync(tracked, "2", null, Cancellation);
        (await NextAsync(reader)).ShouldBe($"Key {tracked}");
    }

    [Fact]
    public async Task A_flush_is_told_as_one_event_and_a_killed_server_as_a_loss_until_it_is_back()
    {
        await using var server = await RedisServerProcess.StartAsync();
        await using var redis = RedisClient.Create(new RedisOptions { Endpoints = [RedisEndpoint.UnixSocket(server.SocketPath)] });
        var events = new InvalidationStream(64);
        await using var tracking = redis.TrackPrefixes([], events);
        await using var reader = events.ReadAllAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        (await NextAsync(reader)).ShouldBe("Restored");
        await redis.SetAsync("k", 1, null, Cancellation);
        (await NextAsync(reader)).ShouldBe("Key k");
        using (await redis.CallAsync(["FLUSHALL"], -1, Cancellation))
            (await NextAsync(reader)).ShouldBe("All");

        server.Kill();
        (await NextAsync(reader)).ShouldBe("Lost");
        tracking.IsLive.ShouldBeFalse();
        await server.RestartAsync();
        (await NextAsync(reader)).ShouldBe("Restored");
        await redis.SetAsync("k", 1, null, Cancellation);
        (await NextAsync(reader)).ShouldBe("Key k");
    }

    [Fact]
    public async Task A_tracking_connection_that_went_silent_is_a_loss_within_two_heartbeats()
    {
        var time = new FakeTime();
        await using var server = new ScriptedRedis();
        var options = new RedisOptions { Endpoints = [new RedisEndpoint("127.0.0.1", server.Port)], HeartbeatPeriod = TimeSpan.FromSeconds(1) };
        await using var redis = RedisClient.Create(options, time, Entropy.Seeded(1), NullLogger.Instance);
        var events = new InvalidationStream(64);
        await using var tracking = redis.TrackPrefixes(["p:"], events);
        await using var reader = events.ReadAllAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        using var peer = await server.NextAsync(Cancellation);
        var asked = peer.CommandAsync(Cancellation);
        (await NextAsync(reader)).ShouldBe("Restored");

        time.Advance(TimeSpan.FromSeconds(1.3));
        (await asked).ShouldBe("PING");
        var lost = NextAsync(reader);
        time.Advance(TimeSpan.FromSeconds(0.5));
        lost.IsCompleted.ShouldBeFalse();
        time.Advance(TimeSpan.FromSeconds(0.75));
        (await lost).ShouldBe("Lost");
    }

    [Fact]
    public async Task A_reader_that_fell_behind_is_told_that_it_lost_something()
    {
        var events = new InvalidationStream(2);
        events.OnAll(InvalidationKind.Restored);
        for (var i = 0; i < 5; i++)
            events.OnKey("k"u8);
        await using var reader = events.ReadAllAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        (await NextAsync(reader)).ShouldBe("Lost");
        (await NextAsync(reader)).ShouldBe("Restored");
    }

    private static async Task<string> NextAsync(IAsyncEnumerator<Invalidation> reader)
    {
        (await reader.MoveNextAsync()).ShouldBeTrue();
        var (kind, key) = reader.Current;
        return key.IsEmpty ? kind.ToString() : $"{kind} {Encoding.UTF8.GetString(key.Span)}";
    }
}
