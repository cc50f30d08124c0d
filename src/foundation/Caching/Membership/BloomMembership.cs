using System.Buffers.Binary;
using System.Text;
using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;
using SkyRiff.Redis;

namespace SkyRiff.Caching.Membership;

/// <summary>
/// Knows without asking anybody that something does not exist: a Bloom filter of all keys there are, in every process, fed by all processes through a channel of Redis
/// and rebuilt from the source while it answers. Against look-ups of what does not exist; a question costs no allocation, no lock and no round trip.
/// <para>
/// The guarantee: a key whose <see cref="AnnounceAsync(ReadOnlyMemory{byte}, CancellationToken)"/> answered true at least <see cref="BloomMembershipOptions.DenialAge"/> ago, and whose row was committed within
/// <see cref="BloomMembershipOptions.WriteDurationMax"/> of it, is denied in no process. Announce before the commit, so that the key is known when the row is there. When
/// it answers false (Redis is away), commit all the same and announce again from the outbox: until then a process that still reaches Redis may deny the key.
/// </para>
/// <para>
/// How it holds: Redis delivers one channel's messages in order, and the process sends itself an echo through it several times per denial age. An echo that arrived tells
/// that everything announced before it was sent has arrived; no echo that is young enough, and the answer is maybe. When the connection breaks or messages were
/// dropped, the filters are thrown away, everything is maybe, and a new one is read from the source.
/// </para>
/// </summary>
public sealed class BloomMembership : SupervisedLoop, IMembership<long>, IMembership<string>
{
    private const int EchoesPerDenialAge = 4;
    private const int WaitingMessagesMax = 4_096;

    /// <summary>Longer texts are never denied.</summary>
    private const int TextLengthMax = 256;

    private static readonly TimeSpan RetryDelayBase = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RetryDelayMax = TimeSpan.FromMinutes(1);

    private readonly BloomMembershipOptions _options;
    private readonly RedisClient _redis;
    private readonly FilterGenerations _filters;
    private readonly string _keyChannel;
    private readonly string _echoChannel;
    private readonly ulong _seed;

    /// <exception cref="ArgumentException">The options have mistakes; the message tells all of them.</exception>
    public BloomMembership(BloomMembershipOptions options, RedisClient redis, TimeProvider time, Entropy entropy, ILogger<BloomMembership> logger)
        : base($"membership {options.Name}", time, entropy, logger)
    {
        var mistakes = options.Validate().ToList();
        if (mistakes.Count > 0)
            throw new ArgumentException(string.Join(' ', mistakes), nameof(options));

        (_options, _redis, _filters) = (options, redis, new FilterGenerations(time));
        var random = new byte[2 * sizeof(ulong)];
        entropy.Fill(random);
        _seed = BinaryPrimitives.ReadUInt64LittleEndian(random);
        // One slot, so one connection: what the echo follows was sent before it.
        _keyChannel = $"membership:{{{options.Name}}}";
        _echoChannel = $"{_keyChannel}:{Convert.ToHexStringLower(random.AsSpan(sizeof(ulong)))}";
    }

    /// <summary>How it stands now.</summary>
    public BloomMembershipStatus Status
    {
        get
        {
            var (answering, filling) = (_filters.Answering, _filters.Filling);
            return new BloomMembershipStatus(
                answering is not null, answering?.Keys ?? 0, answering?.Capacity ?? 0, answering?.IsSaturated ?? false, answering?.Rate ?? 1, (answering?.Bytes ?? 0) + (filling?.Bytes ?? 0));
        }
    }

    /// <summary>False: there is no such key. True: there may be.</summary>
    public bool MayContain(ReadOnlySpan<byte> key) => _filters.MayContain(KeyHash.Of(key, _seed));

    /// <summary>The same for a number, as its eight bytes in little-endian order.</summary>
    public bool MayContain(long key) => _filters.MayContain(KeyHash.Of(key, _seed));

    /// <summary>The same for text, as its UTF-8 bytes.</summary>
    public bool MayContain(string key)
    {
        if (key.Length > TextLengthMax)
            return true;
        Span<byte> bytes = stackalloc byte[TextLengthMax * 3];
        return MayContain(bytes[..Encoding.UTF8.GetBytes(key, bytes)]);
    }

    /// <summary>The same set for keys that stand for numbers, such as typed ids.</summary>
    public IMembership<TKey> For<TKey>(Func<TKey, long> number)
        where TKey : notnull => new Numbers<TKey>(this, number);

    /// <summary>Adds a key here and in all processes; answers false when Redis could not be told, which somebody must then repeat. Announcing twice is harmless.</summary>
    public async ValueTask<bool> AnnounceAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        _filters.Add(KeyHash.Of(key.Span, _seed));
        try
        {
            await _redis.PublishShardedAsync(_keyChannel, key, cancellationToken);
            return true;
        }
        catch (RedisException)
        {
            return false;
        }
    }

    /// <inheritdoc cref="AnnounceAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    public ValueTask<bool> AnnounceAsync(long key, CancellationToken cancellationToken) => AnnounceAsync(BytesOf(key), cancellationToken);

    /// <summary>A number as <see cref="BloomMembershipOptions.ReadAll"/> gives it.</summary>
    public static byte[] BytesOf(long key)
    {
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, key);
        return bytes;
    }

    /// <summary>Listens, and keeps the filter; one life per subscription.</summary>
    protected override async Task RunAsync(CancellationToken stopping)
    {
        _filters.Distrust();
        await using var subscription = await _redis.SubscribeShardedAsync([_keyChannel, _echoChannel], WaitingMessagesMax, stopping);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var parts = new[] { ListenAsync(subscription, ended.Token), EchoAsync(ended.Token), KeepAsync(ended.Token) };
        try
        {
            // None of them ends but by failing: the first takes the others along.
            await await Task.WhenAny(parts);
        }
        finally
        {
            await ended.CancelAsync();
            await Task.WhenAll(parts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _filters.Distrust();
        }
    }

    private async Task ListenAsync(RedisSubscription subscription, CancellationToken stopping)
    {
        var denialAge = (long)(_options.DenialAge.TotalSeconds * Time.TimestampFrequency);
        var missed = 0L;
        await foreach (var message in subscription.ReadAllAsync(stopping))
        {
            if (message.Kind is RedisMessageKind.Interrupted || subscription.Missed != missed)
            {
                missed = subscription.Missed;
                Logger.LogWarning("{Loop}: announcements may have been missed; nothing is denied until everything is read again", Name);
                _filters.Distrust();
            }

            if (message.Kind is not RedisMessageKind.Message)
                continue;
            if (message.Channel == _keyChannel)
                _filters.Add(KeyHash.Of(message.Payload.Span, _seed));
            else if (message.Payload.Length == sizeof(long))
                _filters.HeardUntil(BinaryPrimitives.ReadInt64LittleEndian(message.Payload.Span) + denialAge);
        }

        throw new InvalidOperationException("The subscription ended.");
    }

    private async Task EchoAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(_options.DenialAge / EchoesPerDenialAge, Time);
        do
        {
            try
            {
                await _redis.PublishShardedAsync(_echoChannel, BytesOf(Time.GetTimestamp()), stopping);
            }
            catch (RedisException)
            {
                // No echo, no denial: that is all there is to it.
            }
        }
        while (await timer.WaitForNextTickAsync(stopping));
    }

    /// <summary>Makes the first filter, and the next one when it is time, when the present one is full, or when it was lost.</summary>
    private async Task KeepAsync(CancellationToken stopping)
    {
        var keys = _options.KeysExpected;
        var failures = 0;
        while (true)
        {
            try
            {
                if (await FillAsync(keys, stopping) is { } filled)
                {
                    keys = Math.Max(_options.KeysExpected, 2 * filled.Keys);
                    await UntilDueAsync(filled, keys, stopping);
                    keys = Math.Max(keys, 2 * (_filters.Answering?.Keys ?? 0));
                }

                failures = 0;
            }
            catch (Exception failure) when (!stopping.IsCancellationRequested)
            {
                failures++;
                Logger.LogWarning(failure, "{Loop} could not be read from its source ({Failures} in a row)", Name, failures);
                await Task.Delay(Entropy.Backoff(RetryDelayBase, RetryDelayMax, failures), Time, stopping);
            }
        }
    }

    /// <summary>Null when it was overtaken by a loss.</summary>
    private async Task<SplitBlockFilter?> FillAsync(long keys, CancellationToken stopping)
    {
        var bytes = Math.Min(SplitBlockFilter.BytesFor(keys, _options.Rate), _options.BytesMax / 2);
        var filter = _filters.Begin(new SplitBlockFilter(bytes, Math.Min(keys, SplitBlockFilter.KeysFor(bytes, _options.Rate))));
        if (_options.WriteDurationMax > TimeSpan.Zero)
            await Task.Delay(_options.WriteDurationMax, Time, stopping);
        var read = 0L;
        await foreach (var key in _options.ReadAll(stopping).WithCancellation(stopping))
        {
            filter.Add(KeyHash.Of(key.Span, _seed));
            read++;
            if (!ReferenceEquals(_filters.Filling, filter))
                return null;
        }

        if (!_filters.Complete(filter))
            return null;
        Logger.LogInformation("{Loop}: {Keys} keys in {Bytes} bytes, {Rate:P2} false positives", Name, read, filter.Bytes, filter.Rate);
        if (filter.IsSaturated && filter.Bytes >= LargestBytes)
            Logger.LogWarning("{Loop} is full at {Bytes} bytes: {Rate:P2} false positives instead of {Stated:P2}", Name, filter.Bytes, filter.Rate, _options.Rate);
        return filter;
    }

    private long LargestBytes => _options.BytesMax / 2;

    private async Task UntilDueAsync(SplitBlockFilter filter, long keysNext, CancellationToken stopping)
    {
        var interval = _options.RebuildInterval * (0.75 + (0.5 * Entropy.NextDouble()));
        var started = Time.GetTimestamp();
        using var timer = new PeriodicTimer(_options.DenialAge, Time);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            var canGrow = filter.Bytes < Math.Min(LargestBytes, SplitBlockFilter.BytesFor(keysNext, _options.Rate));
            if (!ReferenceEquals(_filters.Answering, filter) || (filter.IsSaturated && canGrow) || Time.GetElapsedTime(started) >= interval)
                return;
        }
    }

    private sealed class Numbers<TKey>(BloomMembership set, Func<TKey, long> number) : IMembership<TKey>
        where TKey : notnull
    {
        public bool MayContain(TKey key) => set.MayContain(number(key));
    }
}
