using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis.Subscriptions;

internal enum ChannelKind
{
    Plain,
    Pattern,
    Sharded,
}

internal readonly record struct ChannelName(ChannelKind Kind, string Name);

/// <summary>One channel that somebody listens to, and which lane it is on; guarded by the hub's lock.</summary>
internal sealed class ChannelEntry(ChannelName name)
{
    private bool _wasInterrupted;

    public ChannelName Name { get; } = name;

    public List<RedisSubscription> Listeners { get; } = [];

    public SubscriptionLane? Lane { get; set; }

    /// <summary>Done at the first confirmation, failed when the server refuses.</summary>
    public TaskCompletionSource Confirmed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Confirm()
    {
        if (_wasInterrupted)
            Tell(RedisMessageKind.Resumed);
        _wasInterrupted = false;
        Confirmed.TrySetResult();
    }

    public void Interrupt()
    {
        if (!Confirmed.Task.IsCompletedSuccessfully || _wasInterrupted)
            return;
        _wasInterrupted = true;
        Tell(RedisMessageKind.Interrupted);
    }

    public void Refuse(RedisException refusal)
    {
        Confirmed.TrySetException(refusal);
        foreach (var listener in Listeners)
            listener.Fail(refusal);
    }

    /// <summary>SUBSCRIBE or UNSUBSCRIBE of this kind, encoded.</summary>
    public byte[] Command(bool subscribe)
    {
        var command = new CommandBuffer();
        command.Head(2);
        command.Bulk((Name.Kind, subscribe) switch
        {
            (ChannelKind.Plain, true) => "SUBSCRIBE"u8,
            (ChannelKind.Plain, false) => "UNSUBSCRIBE"u8,
            (ChannelKind.Pattern, true) => "PSUBSCRIBE"u8,
            (ChannelKind.Pattern, false) => "PUNSUBSCRIBE"u8,
            (ChannelKind.Sharded, true) => "SSUBSCRIBE"u8,
            _ => "SUNSUBSCRIBE"u8,
        });
        command.Bulk(Name.Name.AsSpan());
        return command.Bytes.ToArray();
    }

    private void Tell(RedisMessageKind kind)
    {
        foreach (var listener in Listeners)
            listener.Deliver(new RedisMessage(kind, "", default));
    }
}
