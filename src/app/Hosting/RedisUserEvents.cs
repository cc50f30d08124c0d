using System.Buffers.Binary;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;
using SkyRiff.Redis;

namespace SkyRiff.App.Hosting;

/// <summary>
/// Users' events between processes, over Redis's sharded channels: one channel per user, listened to where that user has a stream open, so each process gets what its
/// own streams need and no more. Nothing is stored: while Redis is away streams see what happens on their own process, and when it is back they ask the sources for the time
/// in between.
/// </summary>
internal sealed class RedisUserEvents : SupervisedLoop, IUserEventRelay
{
    /// <summary>Events are sent one after another in each lane, and a user has one lane: so a user's events keep their order.</summary>
    private const int Lanes = 4;

    /// <summary>Events per lane that wait to be sent; the oldest are dropped beyond it.</summary>
    private const int WaitingMax = 1_024;

    /// <summary>Events of a user that wait to be handed over.</summary>
    private const int BacklogMax = 64;

    /// <summary>An event that could not be sent for this long is old news.</summary>
    private static readonly TimeSpan SendWithin = TimeSpan.FromSeconds(10);

    /// <summary>How long the opening of a stream waits for Redis.</summary>
    private static readonly TimeSpan ListenWait = TimeSpan.FromMilliseconds(250);

    /// <summary>Clocks of processes may differ by this; gaps are assumed to begin so much earlier.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(5);

    private readonly RedisClient _redis;
    private readonly UserEventHub _hub;
    private readonly UserEventWire _wire;
    private readonly Channel<(long User, byte[] Message, long At)>[] _lanes;
    private readonly Lock _lock = new();
    private readonly Dictionary<long, Listening> _listenings = [];

    public RedisUserEvents(RedisClient redis, UserEventHub hub, TimeProvider time, Entropy entropy, ILogger<RedisUserEvents> logger)
        : base("events.relay", time, entropy, logger)
    {
        (_redis, _hub) = (redis, hub);
        var origin = new byte[UserEventWire.OriginBytes];
        entropy.Fill(origin);
        _wire = new UserEventWire(BinaryPrimitives.ReadInt64LittleEndian(origin));
        _lanes = [.. Enumerable.Range(0, Lanes).Select(_ => Channel.CreateBounded<(long, byte[], long)>(new BoundedChannelOptions(WaitingMax) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true }))];
        hub.Relay = this;
    }

    public void Send(long user, UserEvent what) => _lanes[(ulong)user % Lanes].Writer.TryWrite((user, _wire.Write(what), Time.GetTimestamp()));

    public async Task ListenAsync(long user, CancellationToken cancellationToken)
    {
        Listening listening;
        lock (_lock)
        {
            if (!_listenings.TryGetValue(user, out listening!)) _listenings[user] = listening = new Listening();
            if (listening.Streams++ == 0) listening.Running = Task.Run(() => FollowAsync(user, listening), CancellationToken.None);
        }
        try
        {
            await listening.Confirmed.Task.WaitAsync(ListenWait, Time, cancellationToken);
        }
        catch (TimeoutException)
        {
            var since = Time.GetUtcNow() - ListenWait - ClockSkew;
            // Whoever comes second of us and the confirmation has the sources asked.
            if (!listening.TryBeLate(since)) _hub.AskAgain(user, since);
        }
    }

    public void StopListening(long user)
    {
        lock (_lock)
        {
            if (!_listenings.TryGetValue(user, out var listening) || --listening.Streams > 0) return;
            _listenings.Remove(user);
            listening.Stop.Cancel();
        }
    }

    protected override async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            await Task.WhenAll(_lanes.Select(lane => SendAsync(lane.Reader, stopping)));
        }
        finally
        {
            Task[] running;
            lock (_lock)
            {
                foreach (var listening in _listenings.Values) listening.Stop.Cancel();
                running = [.. _listenings.Values.Select(listening => listening.Running)];
                _listenings.Clear();
            }
            await Task.WhenAll(running);
        }
    }

    private async Task SendAsync(ChannelReader<(long User, byte[] Message, long At)> lane, CancellationToken stopping)
    {
        await foreach (var (user, message, at) in lane.ReadAllAsync(stopping))
        {
            for (var failures = 0; Time.GetElapsedTime(at) < SendWithin; failures++)
            {
                try
                {
                    await _redis.PublishShardedAsync(ChannelOf(user), message, stopping);
                    break;
                }
                catch (RedisException)
                {
                    // Twice is harmless: an event carries the whole state of its thing.
                    await Task.Delay(Entropy.Backoff(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(1), failures), Time, stopping);
                }
            }
        }
    }

    private async Task FollowAsync(long user, Listening listening)
    {
        DateTimeOffset? failedAt = null;
        for (var failures = 0; !listening.Stop.IsCancellationRequested; failures++)
        {
            try
            {
                await using var subscription = await _redis.SubscribeShardedAsync([ChannelOf(user)], BacklogMax, listening.Stop.Token);
                if (listening.Confirm() is { } late) _hub.AskAgain(user, late);
                if (failedAt is { } at) _hub.AskAgain(user, at - ClockSkew);
                failedAt = null;
                await HandOverAsync(user, subscription, listening.Stop.Token);
            }
            catch (OperationCanceledException) when (listening.Stop.IsCancellationRequested)
            {
                return;
            }
            catch (RedisException failure)
            {
                if (failures == 0) Logger.LogWarning("{Loop} cannot listen and tries on: {Reason}", Name, failure.Message);
                failedAt ??= Time.GetUtcNow();
                await Task.Delay(Entropy.Backoff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), failures), Time, listening.Stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task HandOverAsync(long user, RedisSubscription subscription, CancellationToken stop)
    {
        var (interrupted, missed) = (Time.GetUtcNow(), 0L);
        await foreach (var message in subscription.ReadAllAsync(stop))
        {
            switch (message.Kind)
            {
                case RedisMessageKind.Interrupted:
                    interrupted = Time.GetUtcNow();
                    break;
                case RedisMessageKind.Resumed:
                    // The break is noticed later than it happened, by a heartbeat at most twice the client's period.
                    _hub.AskAgain(user, interrupted - ClockSkew);
                    break;
                default:
                    if (_wire.Read(message.Payload) is { } what) _hub.Deliver(user, what);
                    break;
            }
            if (subscription.Missed == missed) continue;
            missed = subscription.Missed;
            _hub.AskAgain(user, Time.GetUtcNow() - TimeSpan.FromMinutes(1));
        }
    }

    private static string ChannelOf(long user) => $"user-events:{user}";

    /// <summary>One user whose events are wanted here.</summary>
    private sealed class Listening
    {
        private readonly Lock _lock = new();
        private DateTimeOffset? _lateSince;
        private bool _isConfirmed;

        public CancellationTokenSource Stop { get; } = new();

        public TaskCompletionSource Confirmed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Running { get; set; } = Task.CompletedTask;

        /// <summary>Streams that want them; under the relay's lock.</summary>
        public int Streams { get; set; }

        /// <summary>Somebody went on without a confirmation; false when there is one now.</summary>
        public bool TryBeLate(DateTimeOffset since)
        {
            lock (_lock)
            {
                if (_isConfirmed) return false;
                if (_lateSince is null || since < _lateSince) _lateSince = since;
                return true;
            }
        }

        /// <summary>Answers since when events may have been lost, if anybody went on without waiting.</summary>
        public DateTimeOffset? Confirm()
        {
            lock (_lock) _isConfirmed = true;
            Confirmed.TrySetResult();
            return _lateSince;
        }
    }
}

/// <summary>An event as bytes: <c>version 1 | origin 8 | UTC ticks 8 | length of the type 1 | type | data</c>, numbers little-endian.</summary>
internal sealed class UserEventWire(long origin)
{
    public const int OriginBytes = 8;
    private const byte Version = 1;
    private const int HeadBytes = 1 + OriginBytes + 8 + 1;

    public byte[] Write(UserEvent what)
    {
        var typeLength = Encoding.ASCII.GetByteCount(what.Type);
        var message = new byte[HeadBytes + typeLength + what.Data.Length];
        message[0] = Version;
        BinaryPrimitives.WriteInt64LittleEndian(message.AsSpan(1), origin);
        BinaryPrimitives.WriteInt64LittleEndian(message.AsSpan(1 + OriginBytes), what.At.UtcTicks);
        message[HeadBytes - 1] = (byte)typeLength;
        Encoding.ASCII.GetBytes(what.Type, message.AsSpan(HeadBytes));
        what.Data.Span.CopyTo(message.AsSpan(HeadBytes + typeLength));
        return message;
    }

    /// <summary>Null for what we sent ourselves and for what another version of the program sends.</summary>
    public UserEvent? Read(ReadOnlyMemory<byte> message)
    {
        var bytes = message.Span;
        if (bytes.Length < HeadBytes || bytes[0] != Version || BinaryPrimitives.ReadInt64LittleEndian(bytes[1..]) == origin) return null;
        var ticks = BinaryPrimitives.ReadInt64LittleEndian(bytes[(1 + OriginBytes)..]);
        var typeLength = bytes[HeadBytes - 1];
        if (bytes.Length < HeadBytes + typeLength || ticks < 0 || ticks > DateTimeOffset.MaxValue.UtcTicks) return null;
        return new UserEvent(Encoding.ASCII.GetString(bytes.Slice(HeadBytes, typeLength)), new DateTimeOffset(ticks, TimeSpan.Zero), message[(HeadBytes + typeLength)..].ToArray());
    }
}
