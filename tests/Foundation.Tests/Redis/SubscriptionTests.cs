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
public sealed class SubscriptionTests(RedisServerFixture fixture)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Channels_and_patterns_deliver_from_the_confirmation_on(bool onlyResp2)
    {
        await using var redis = RedisClient.Create(new RedisOptions { Endpoints = fixture.Options.Endpoints, OnlyResp2 = onlyResp2 });
        var channel = fixture.Key("channel");
        await using var one = await redis.SubscribeAsync([channel], 16, Cancellation);
        await using var two = await redis.SubscribeAsync([channel], 16, Cancellation);
        await using var pattern = await redis.SubscribePatternsAsync([channel[..^2] + "*"], 16, Cancellation);
        (await fixture.Redis.PublishAsync(channel, "héllo", Cancellation)).ShouldBe(2, "one subscription at the server per channel and per pattern");
        foreach (var subscription in new[] { one, two, pattern })
            (await NextAsync(subscription)).ShouldBe($"Message {channel} héllo");
    }

    [Fact]
    public async Task A_channel_is_left_with_its_last_listener()
    {
        await using var redis = RedisClient.Create(fixture.Options);
        var channel = fixture.Key("channel");
        var first = await redis.SubscribeAsync([channel], 16, Cancellation);
        await using var second = await redis.SubscribeAsync([channel], 16, Cancellation);
        await first.DisposeAsync();
        (await fixture.Redis.PublishAsync(channel, "x", Cancellation)).ShouldBe(1);
        (await NextAsync(second)).ShouldBe($"Message {channel} x");
        await second.DisposeAsync();

        // Joining another channel on the same connection comes after the leaving, so its confirmation proves that.
        await using var other = await redis.SubscribeAsync([channel + "2"], 16, Cancellation);
        (await fixture.Redis.PublishAsync(channel, "x", Cancellation)).ShouldBe(0);
        await using var again = await redis.SubscribeAsync([channel], 16, Cancellation);
        (await fixture.Redis.PublishAsync(channel, "y", Cancellation)).ShouldBe(1);
        (await NextAsync(again)).ShouldBe($"Message {channel} y");
    }

    [Fact]
    public async Task After_a_break_the_reader_is_told_and_subscribed_again()
    {
        await using var server = await RedisServerProcess.StartAsync();
        await using var redis = RedisClient.Create(new RedisOptions { Endpoints = [new RedisEndpoint("127.0.0.1", server.Port)], TimeLimit = TimeSpan.FromSeconds(20) });
        await using var subscription = await redis.SubscribeAsync(["a", "b"], 16, Cancellation);
        server.Kill();
        await server.RestartAsync();
        var told = new List<string>();
        while (told.Count(kind => kind.StartsWith("Resumed", StringComparison.Ordinal)) < 2)
            told.Add(await NextAsync(subscription));
        told.Count(kind => kind.StartsWith("Interrupted", StringComparison.Ordinal)).ShouldBe(2);
        (await redis.PublishAsync("b", "again", Cancellation)).ShouldBe(1);
        (await NextAsync(subscription)).ShouldBe("Message b again");
    }

    /// <summary>No map has changed for this client, and none will: what the node said is all it goes by.</summary>
    [Fact]
    public async Task A_sharded_channel_that_its_node_gives_up_is_asked_for_again()
    {
        await using var server = new ScriptedRedis();
        await using var redis = RedisClient.Create(new RedisOptions { Endpoints = [new RedisEndpoint("127.0.0.1", server.Port)] }, new FakeTime(), Entropy.Seeded(1), NullLogger.Instance);
        var subscribing = redis.SubscribeShardedAsync(["room"], 16, Cancellation);
        using var peer = await server.NextAsync(Cancellation);
        (await peer.CommandAsync(Cancellation)).ShouldBe("SSUBSCRIBE room");
        await peer.SendAsync(">3\r\n$10\r\nssubscribe\r\n$4\r\nroom\r\n:1\r\n", Cancellation);
        await using var subscription = await subscribing;

        await peer.SendAsync(">3\r\n$12\r\nsunsubscribe\r\n$4\r\nroom\r\n:0\r\n", Cancellation);
        (await peer.CommandAsync(Cancellation)).ShouldBe("SSUBSCRIBE room");
        await peer.SendAsync(">3\r\n$10\r\nssubscribe\r\n$4\r\nroom\r\n:1\r\n", Cancellation);
        (await NextAsync(subscription)).ShouldStartWith("Interrupted");
        (await NextAsync(subscription)).ShouldStartWith("Resumed");
    }

    [Fact]
    public async Task A_slow_reader_loses_the_oldest_and_the_loss_is_counted()
    {
        var channel = fixture.Key("channel");
        await using var subscription = await fixture.Redis.SubscribeAsync([channel], 4, Cancellation);
        await using var witness = await fixture.Redis.SubscribeAsync([channel], 64, Cancellation);
        for (var i = 0; i < 10; i++)
            await fixture.Redis.PublishAsync(channel, i, Cancellation);
        for (var i = 0; i < 10; i++)
            (await NextAsync(witness)).ShouldBe($"Message {channel} {i}");
        subscription.Missed.ShouldBe(6);
        (await NextAsync(subscription)).ShouldBe($"Message {channel} 6");
    }

    [Fact]
    public async Task A_channel_that_the_user_may_not_hear_is_refused_and_others_are_not()
    {
        await using var server = await RedisServerProcess.StartAsync("--user", "ann", "on", ">secret", "~*", "&allowed:*", "+@all");
        await using var redis = RedisClient.Create(new RedisOptions { Endpoints = [new RedisEndpoint("127.0.0.1", server.Port)], User = "ann", Password = "secret" });
        await using var allowed = await redis.SubscribeAsync(["allowed:a"], 16, Cancellation);
        (await Should.ThrowAsync<RedisException>(redis.SubscribeAsync(["secret"], 16, Cancellation))).Code.ShouldBe("NOPERM");
        (await redis.PublishAsync("allowed:a", "x", Cancellation)).ShouldBe(1);
        (await NextAsync(allowed)).ShouldBe("Message allowed:a x");
    }

    private static async Task<string> NextAsync(RedisSubscription subscription)
    {
        await using var reader = subscription.ReadAllAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        (await reader.MoveNextAsync()).ShouldBeTrue();
        var message = reader.Current;
        return $"{message.Kind} {message.Channel} {Encoding.UTF8.GetString(message.Payload.Span)}";
    }
}
