using System.Threading.Channels;
using SkyRiff.Redis.Subscriptions;

namespace SkyRiff.Redis;

/// <summary>What an item of a subscription is.</summary>
public enum RedisMessageKind
{
    /// <summary>Somebody published.</summary>
    Message,

    /// <summary>The connection broke: messages sent from here to <see cref="Resumed"/> were not received.</summary>
    Interrupted,

    /// <summary>Subscribed again.</summary>
    Resumed,
}

/// <summary>What a subscription received. <see cref="Channel"/> is the channel of the message, also under a pattern; empty when the kind is not Message.</summary>
public readonly record struct RedisMessage(RedisMessageKind Kind, string Channel, ReadOnlyMemory<byte> Payload);

/// <summary>
/// Messages of some channels, from the server's confirmation until this is disposed; resubscribed after every break. Messages wait in a bounded queue:
/// when its reader is slow, the oldest are dropped and counted in <see cref="Missed"/>.
/// </summary>
public sealed class RedisSubscription : IAsyncDisposable
{
    private readonly SubscriptionHub _hub;
    private readonly Channel<RedisMessage> _queue;
    private long _missed;

    internal RedisSubscription(SubscriptionHub hub, IReadOnlyList<ChannelName> channels, int capacity)
    {
        _hub = hub;
        Channels = channels;
        _queue = Channel.CreateBounded<RedisMessage>(
            new BoundedChannelOptions(capacity) { FullMode = BoundedChannelFullMode.DropOldest }, _ => Interlocked.Increment(ref _missed));
    }

    /// <summary>Messages that were dropped because the queue was full.</summary>
    public long Missed => Interlocked.Read(ref _missed);

    internal IReadOnlyList<ChannelName> Channels { get; }

    /// <summary>For one reader; ends when the subscription is disposed or the token is cancelled.</summary>
    public IAsyncEnumerable<RedisMessage> ReadAllAsync(CancellationToken cancellation) => _queue.Reader.ReadAllAsync(cancellation);

    /// <summary>Leaves the channels; what is queued can still be read.</summary>
    public ValueTask DisposeAsync()
    {
        _hub.Leave(this);
        _queue.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    internal void Deliver(RedisMessage message) => _queue.Writer.TryWrite(message);

    internal void Fail(Exception failure) => _queue.Writer.TryComplete(failure);
}
