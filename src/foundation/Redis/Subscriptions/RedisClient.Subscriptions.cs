using SkyRiff.Redis.Subscriptions;

namespace SkyRiff.Redis;

public sealed partial class RedisClient
{
    /// <summary>Messages that may wait for a subscription's reader, unless said otherwise.</summary>
    public const int SubscriptionQueueDefault = 1024;

    /// <summary>Listens to channels; returns when the server has confirmed all of them. Waits for a server that is away until the token is cancelled.</summary>
    /// <exception cref="RedisException">The server refused a channel.</exception>
    public Task<RedisSubscription> SubscribeAsync(IReadOnlyList<string> channels, int queueMax, CancellationToken cancellation) =>
        _router.Subscriptions.SubscribeAsync(ChannelKind.Plain, channels, queueMax, cancellation);

    /// <summary>Listens to all channels that match glob patterns.</summary>
    public Task<RedisSubscription> SubscribePatternsAsync(IReadOnlyList<string> patterns, int queueMax, CancellationToken cancellation) =>
        _router.Subscriptions.SubscribeAsync(ChannelKind.Pattern, patterns, queueMax, cancellation);

    /// <summary>Listens to sharded channels (Redis 7), each on the node of its slot; follows slots that move.</summary>
    public Task<RedisSubscription> SubscribeShardedAsync(IReadOnlyList<string> channels, int queueMax, CancellationToken cancellation) =>
        _router.Subscriptions.SubscribeAsync(ChannelKind.Sharded, channels, queueMax, cancellation);
}
