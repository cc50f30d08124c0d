using System.Collections.Concurrent;
using System.Threading.Channels;

namespace SkyRiff.Http;

/// <summary>Something that a user's open pages want to know at once. Each event carries the whole present state of its thing, so a newer one makes an older one superfluous.</summary>
/// <param name="Type"><c>generation</c>, <c>notification</c> or <c>wallet</c>.</param>
/// <param name="At">When it became true; the stream's ids are made of this.</param>
/// <param name="Data">UTF-8 JSON on one line.</param>
public sealed record UserEvent(string Type, DateTimeOffset At, ReadOnlyMemory<byte> Data);

/// <summary>Answers what a user's stream may have missed, from the service's own tables: this is what makes streams resumable on any process.</summary>
public interface IUserEventSource
{
    /// <summary>The present state of what changed after <paramref name="since"/> (null: of what is going on), oldest first, at most 100.</summary>
    Task<IReadOnlyList<UserEvent>> SinceAsync(long user, DateTimeOffset? since, CancellationToken cancellationToken);
}

/// <summary>Carries events between processes. Best effort: what it may have lost, it has asked for again at the sources (<see cref="UserEventHub.AskAgain"/>).</summary>
public interface IUserEventRelay
{
    /// <summary>Takes an event along to the other processes; returns at once.</summary>
    void Send(long user, UserEvent what);

    /// <summary>Begins to hand this user's events from elsewhere to the hub; returns when it does, or when that takes too long to wait for.</summary>
    Task ListenAsync(long user, CancellationToken cancellationToken);

    /// <summary>Ends one <see cref="ListenAsync"/>.</summary>
    void StopListening(long user);
}

/// <summary>
/// Hands events to the streams that are open on this process, and through its relay to those on others. Bounded: a stream that reads too slowly loses its oldest events, and is told so, since the last
/// state of a thing may be among them; a user has at most <see cref="StreamsPerUserMax"/> streams.
/// </summary>
public sealed class UserEventHub
{
    public const int StreamsPerUserMax = 8;
    internal const int BacklogMax = 64;

    private readonly ConcurrentDictionary<long, Subscription[]> _streams = new();

    /// <summary>Streams that are open now.</summary>
    public int OpenStreams => _streams.Values.Sum(streams => streams.Length);

    /// <summary>The way to other processes; null where there are none. Set before the first stream opens.</summary>
    public IUserEventRelay? Relay { get; set; }

    /// <summary>Tells every open stream of the user, on this process at once.</summary>
    public void Publish(long user, UserEvent what)
    {
        Deliver(user, what);
        Relay?.Send(user, what);
    }

    /// <summary>Tells the streams on this process.</summary>
    public void Deliver(long user, UserEvent what)
    {
        if (!_streams.TryGetValue(user, out var streams)) return;
        foreach (var stream in streams) stream.Channel.Writer.TryWrite(what);
    }

    /// <summary>Has the user's streams on this process ask the sources for what became true after <paramref name="since"/>: events from elsewhere may have been lost.</summary>
    public void AskAgain(long user, DateTimeOffset since)
    {
        if (!_streams.TryGetValue(user, out var streams)) return;
        foreach (var stream in streams) stream.Ask(since);
    }

    /// <summary>Opens a stream, or answers null when the user has too many.</summary>
    public Subscription? Subscribe(long user)
    {
        var subscription = new Subscription(this, user);
        while (true)
        {
            if (_streams.TryGetValue(user, out var streams))
            {
                if (streams.Length >= StreamsPerUserMax) return null;
                if (_streams.TryUpdate(user, [.. streams, subscription], streams)) return subscription;
            }
            else if (_streams.TryAdd(user, [subscription]))
            {
                return subscription;
            }
        }
    }

    private void Remove(Subscription subscription)
    {
        while (_streams.TryGetValue(subscription.User, out var streams))
        {
            var rest = streams.Where(stream => stream != subscription).ToArray();
            var removed = rest.Length == 0
                ? _streams.TryRemove(KeyValuePair.Create(subscription.User, streams))
                : _streams.TryUpdate(subscription.User, rest, streams);
            if (removed) return;
        }
    }

    public sealed class Subscription : IDisposable
    {
        /// <summary>Wakes a stream that has nothing to read.</summary>
        private static readonly UserEvent Wake = new("", default, default);

        private readonly UserEventHub _hub;
        private int _lost;
        private long _gapTicks = long.MaxValue;
        private int _listens;

        internal Subscription(UserEventHub hub, long user)
        {
            (_hub, User) = (hub, user);
            Channel = System.Threading.Channels.Channel.CreateBounded<UserEvent>(
                new BoundedChannelOptions(BacklogMax) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true }, _ => Volatile.Write(ref _lost, 1));
        }

        public long User { get; }

        public ChannelReader<UserEvent> Events => Channel.Reader;

        internal Channel<UserEvent> Channel { get; }

        /// <summary>True once after events were lost: what they said must be asked for at the sources.</summary>
        public bool TakeLost() => Interlocked.Exchange(ref _lost, 0) != 0;

        /// <summary>Since when events from elsewhere may be missing; once, and null when none are.</summary>
        public DateTimeOffset? TakeGap() => Interlocked.Exchange(ref _gapTicks, long.MaxValue) is var ticks and not long.MaxValue ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

        /// <summary>Whether an event says nothing and only had the stream look.</summary>
        internal static bool IsWake(UserEvent what) => ReferenceEquals(what, Wake);

        /// <summary>Has events of other processes arrive here too; to be called once, before the sources are asked.</summary>
        internal Task ListenAsync(CancellationToken cancellationToken)
        {
            if (_hub.Relay is not { } relay) return Task.CompletedTask;
            Volatile.Write(ref _listens, 1);
            return relay.ListenAsync(User, cancellationToken);
        }

        internal void Ask(DateTimeOffset since)
        {
            var seen = Volatile.Read(ref _gapTicks);
            while (since.UtcTicks < seen)
            {
                var found = Interlocked.CompareExchange(ref _gapTicks, since.UtcTicks, seen);
                if (found == seen) break;
                seen = found;
            }
            Channel.Writer.TryWrite(Wake);
        }

        public void Dispose()
        {
            _hub.Remove(this);
            if (Interlocked.Exchange(ref _listens, 0) != 0) _hub.Relay?.StopListening(User);
        }
    }
}
