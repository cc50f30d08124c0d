using SkyRiff.Redis.Connections;
using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis.Subscriptions;

/// <summary>
/// A connection that carries subscriptions only. Every (un)subscribe names one channel and is answered by exactly one frame, in order: a confirmation
/// or an error. That makes errors, which name no channel, attributable. Its state is guarded by the hub's lock.
/// </summary>
internal sealed class SubscriptionLane : IFrameHandler
{
    private static readonly ConnectionPurpose Purpose = new() { AllFramesToHandler = true };

    private readonly SubscriptionHub _hub;
    private readonly Queue<(ChannelEntry Entry, bool Subscribes)> _unanswered = new();

    /// <summary>From the first resubscription on a connection to its break; before it, asking would be asking twice.</summary>
    private bool _isReady;

    public SubscriptionLane(RedisEndpoint endpoint, ClientContext context, ICommandRouter router, SubscriptionHub hub)
    {
        _hub = hub;
        Lane = new Lane(endpoint, Purpose, context, router, this) { OnChange = isOpen => hub.OnLaneChange(this, isOpen) };
    }

    public Lane Lane { get; }

    public HashSet<ChannelEntry> Channels { get; } = [];

    /// <summary>Called with the hub's lock held.</summary>
    public void SubscribeLocked(ChannelEntry entry)
    {
        Channels.Add(entry);
        entry.Lane = this;
        if (_isReady)
            AskLocked(entry, subscribes: true);
        else
            Lane.Start();
    }

    /// <summary>Called with the hub's lock held.</summary>
    public void UnsubscribeLocked(ChannelEntry entry)
    {
        if (Channels.Remove(entry) && _isReady)
            AskLocked(entry, subscribes: false);
    }

    /// <summary>A new connection knows nothing yet. Called with the hub's lock held.</summary>
    public void ResubscribeLocked()
    {
        _unanswered.Clear();
        _isReady = true;
        foreach (var entry in Channels)
            AskLocked(entry, subscribes: true);
    }

    /// <summary>Called with the hub's lock held.</summary>
    public void InterruptLocked()
    {
        _isReady = false;
        foreach (var entry in Channels)
            entry.Interrupt();
    }

    /// <summary>Whether the oldest question still open was to leave this channel. Called with the hub's lock held.</summary>
    public bool AwaitsLeaveOfLocked(string channel) => _unanswered.TryPeek(out var next) && !next.Subscribes && next.Entry.Name.Name == channel;

    public (ChannelEntry Entry, bool Subscribes)? TakeAnsweredLocked() => _unanswered.TryDequeue(out var answered) ? answered : null;

    public void OnFrame(RespElement frame)
    {
        if (frame.IsError)
        {
            _hub.OnRefused(this, frame.GetString());
            return;
        }

        // RESP2 sends what RESP3 pushes as plain arrays; the answer to a heartbeat is text or an array that starts with pong.
        if (!frame.IsAggregate)
            return;

        var parts = frame.GetEnumerator();
        if (!parts.MoveNext())
            return;
        var word = parts.Current.Bytes;
        if (word.SequenceEqual("message"u8) || word.SequenceEqual("smessage"u8))
        {
            parts.MoveNext();
            var channel = parts.Current.Bytes;
            parts.MoveNext();
            _hub.OnMessage(word.Length == 8 ? ChannelKind.Sharded : ChannelKind.Plain, channel, channel, parts.Current.Bytes);
        }
        else if (word.SequenceEqual("pmessage"u8))
        {
            parts.MoveNext();
            var pattern = parts.Current.Bytes;
            parts.MoveNext();
            var channel = parts.Current.Bytes;
            parts.MoveNext();
            _hub.OnMessage(ChannelKind.Pattern, pattern, channel, parts.Current.Bytes);
        }
        else if (word.EndsWith("unsubscribe"u8))
        {
            parts.MoveNext();
            _hub.OnUnsubscribed(this, parts.Current.GetString());
        }
        else if (word.EndsWith("subscribe"u8))
        {
            _hub.OnSubscribed(this);
        }
    }

    private void AskLocked(ChannelEntry entry, bool subscribes)
    {
        _unanswered.Enqueue((entry, subscribes));
        Lane.TrySendUnanswered(entry.Command(subscribes));
    }
}
