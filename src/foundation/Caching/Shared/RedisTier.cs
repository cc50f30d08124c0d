using Microsoft.Extensions.Logging;
using SkyRiff.Caching.Local;
using SkyRiff.Caching.Tags;
using SkyRiff.Redis;

namespace SkyRiff.Caching.Shared;

/// <summary>What was read from Redis in one round trip; null values where there is nothing. Dispose the values.</summary>
internal readonly record struct SharedRead(RedisValue[] Values, long Stamp, long FamilyGeneration);

/// <summary>
/// The tier in Redis, in bytes. No call throws but for cancellation: an answer of null or false means that Redis could not be asked, which the breaker counts, and
/// the caller goes on without.
/// <para>Stores are fenced: a script stores only where the key still holds the nonce that the storing process saw before it asked the source. Invalidations leave
/// a tombstone with a nonce of its own for longer than a load may last, so a value that was read before them finds another nonce and is refused.</para>
/// </summary>
internal sealed class RedisTier
{
    private static readonly RedisScript StoreScript = new("""
        if redis.call('GETRANGE', KEYS[1], 2, 9) ~= ARGV[1] then return 0 end
        redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
        return 1
        """);

    private static readonly RedisScript ReleaseScript = new("""
        if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
        redis.call('UNLINK', KEYS[1])
        return 1
        """);

    // KEYS: birth, clock, tags. ARGV: lifetime of the board in milliseconds. Answers generations; of a tag that has none, the board's birth.
    private static readonly RedisScript ReadTagsScript = new("""
        local birth = redis.call('GET', KEYS[1])
        if not birth then
          local t = redis.call('TIME')
          birth = string.format('%.0f', tonumber(t[1]) * 1000000 + tonumber(t[2]))
          redis.call('SET', KEYS[1], birth, 'PX', ARGV[1])
        end
        local generations = {}
        for i = 2, #KEYS do generations[i - 1] = redis.call('GET', KEYS[i]) or birth end
        return generations
        """);

    // KEYS: birth, clock, tag. ARGV: lifetimes of the board and of the tag in milliseconds. The birth must be older than the generation.
    private static readonly RedisScript MoveTagScript = new("""
        local t = redis.call('TIME')
        local now = tonumber(t[1]) * 1000000 + tonumber(t[2])
        redis.call('SET', KEYS[1], string.format('%.0f', now), 'NX', 'PX', ARGV[1])
        local generation = math.max(now, tonumber(redis.call('GET', KEYS[2]) or '0') + 1, tonumber(redis.call('GET', KEYS[1])) + 1)
        local text = string.format('%.0f', generation)
        redis.call('SET', KEYS[2], text, 'PX', ARGV[1])
        redis.call('SET', KEYS[3], text, 'PX', ARGV[2])
        return 1
        """);

    /// <summary>Longer than any value lives: 30 days fresh, 30 days stale.</summary>
    private static readonly TimeSpan TagLifetime = TimeSpan.FromDays(61);

    /// <summary>Its end makes everything too old at once, so it is far away; but no key is without one.</summary>
    private static readonly TimeSpan BoardLifetime = TimeSpan.FromDays(3650);

    private readonly RedisClient _client;
    private readonly RedisBreaker _breaker;
    private readonly TagBoard _tags;
    private readonly TrustEpoch _trust;
    private readonly OwedInvalidations _owed;
    private readonly ILogger _logger;
    private readonly string _prefix;

    public RedisTier(RedisClient client, CacheOptions options, TimeProvider time, TagBoard tags, TrustEpoch trust, OwedInvalidations owed, ILogger logger)
    {
        _client = client.WithTimeLimit(options.RedisTimeLimit);
        _breaker = new RedisBreaker(options.RedisFailuresMax, options.RedisPause, time);
        (_tags, _trust, _owed, _logger, _prefix) = (tags, trust, owed, logger, options.Prefix);
    }

    public bool IsResting => _breaker.IsOpen;

    /// <summary>The values in the keys' order, with the stamp for what is loaded after this and the family's generation; null when Redis could not be asked.</summary>
    public async ValueTask<SharedRead?> TryReadAsync(IReadOnlyList<SharedKey> keys, TagState family, CancellationToken cancellation)
    {
        if (_owed.CoversAll || !_breaker.TryEnter())
            return null;

        var (clock, generation) = (_tags.Clock.Generation, family.Generation);
        var asksTags = clock == TagState.Unknown || generation == TagState.Unknown;
        var arguments = new RedisArg[keys.Count];
        for (var index = 0; index < arguments.Length; index++)
            arguments[index] = keys[index].Bytes;
        var values = new RedisValue[keys.Count];
        Task reading;
        Task<long[]?>? askingTags = null;
        using (_client.Pipeline())
        {
            reading = _client.GetManyAsync(arguments, values, cancellation).AsTask();
            if (asksTags)
                askingTags = AskTagsAsync([family], cancellation);
        }

        var answered = askingTags is null ? null : await askingTags;
        if (!await SucceedsAsync(reading, cancellation))
            return null;
        if (!asksTags)
            return new SharedRead(values, clock, generation);
        if (answered is not null)
            return new SharedRead(values, answered[0], answered[1]);

        foreach (var value in values)
            value.Dispose();
        cancellation.ThrowIfCancellationRequested();
        return null;
    }

    /// <summary>Generations of the tags, with the clock's before them; null when Redis could not be asked.</summary>
    public async ValueTask<long[]?> TryReadTagsAsync(IReadOnlyList<TagState> tags, CancellationToken cancellation)
    {
        if (_owed.CoversAll || !_breaker.TryEnter())
            return null;
        var generations = await AskTagsAsync(tags, cancellation);
        cancellation.ThrowIfCancellationRequested();
        return generations;
    }

    /// <summary>Stores what is not fenced, in one round trip.</summary>
    public async ValueTask<StoreResult[]> StoreAsync(IReadOnlyList<SharedStore> stores)
    {
        var results = new StoreResult[stores.Count];
        Array.Fill(results, StoreResult.Failed);
        if (stores.Count == 0 || !_breaker.TryEnter())
            return results;

        var storing = new Task<long>[stores.Count];
        using (_client.Pipeline())
        {
            for (var index = 0; index < storing.Length; index++)
            {
                var store = stores[index];
                storing[index] = _client.EvaluateIntegerAsync(StoreScript, [store.Key.Bytes], [store.Observed, store.Bytes, Milliseconds(store.Lifetime)], CancellationToken.None).AsTask();
            }
        }

        for (var index = 0; index < storing.Length; index++)
        {
            if (await SucceedsAsync(storing[index], CancellationToken.None))
                results[index] = await storing[index] == 1 ? StoreResult.Stored : StoreResult.Fenced;
        }

        return results;
    }

    /// <summary>Puts a tombstone or a mark, whatever was there.</summary>
    public async ValueTask<bool> PutAsync(SharedKey key, byte[] bytes, TimeSpan lifetime) =>
        _breaker.TryEnter() && await SucceedsAsync(_client.SetAsync(key.Bytes, bytes, lifetime, CancellationToken.None).AsTask(), CancellationToken.None);

    /// <summary>Everything with this tag that was read from the source before now is too old, everywhere.</summary>
    public async ValueTask<bool> MoveTagAsync(string name) => _breaker.TryEnter() && await SucceedsAsync(
        _client.EvaluateIntegerAsync(MoveTagScript, [_tags.KeyOf("birth"), _tags.KeyOf("clock"), _tags.KeyOf(name)], [Milliseconds(BoardLifetime), Milliseconds(TagLifetime)], CancellationToken.None).AsTask(), CancellationToken.None);

    /// <summary>
    /// Takes the leases to load these keys, for all of the cluster; which were got, or null when Redis could not be asked. For efficiency alone: what a holder
    /// stores is fenced by what it saw, not by its lease, so one that was paused past it changes nothing.
    /// </summary>
    public async ValueTask<bool[]?> TryLeaseAsync(IReadOnlyList<SharedKey> keys, byte[] owner, TimeSpan duration, CancellationToken cancellation)
    {
        if (!_breaker.TryEnter())
            return null;
        var taking = new Task<bool>[keys.Count];
        using (_client.Pipeline())
        {
            for (var index = 0; index < taking.Length; index++)
                taking[index] = _client.TrySetAsync(LeaseOf(keys[index]), owner, duration, SetWhen.Absent, cancellation).AsTask();
        }

        var got = new bool[taking.Length];
        var failed = false;
        for (var index = 0; index < taking.Length; index++)
        {
            if (await SucceedsAsync(taking[index], CancellationToken.None))
                got[index] = await taking[index];
            else
                failed = true;
        }

        cancellation.ThrowIfCancellationRequested();
        return failed ? null : got;
    }

    public async ValueTask ReleaseAsync(IReadOnlyList<SharedKey> keys, byte[] owner)
    {
        if (!_breaker.TryEnter())
            return;
        var releasing = new Task[keys.Count];
        using (_client.Pipeline())
        {
            for (var index = 0; index < releasing.Length; index++)
                releasing[index] = _client.EvaluateIntegerAsync(ReleaseScript, [LeaseOf(keys[index])], [owner], CancellationToken.None).AsTask();
        }

        foreach (var release in releasing)
            await SucceedsAsync(release, CancellationToken.None);
    }

    private static long Milliseconds(TimeSpan duration) => Math.Max(1, (long)Math.Ceiling(duration.TotalMilliseconds));

    /// <summary>Outside the prefix that is watched: nobody has to hear of leases.</summary>
    private byte[] LeaseOf(SharedKey key) => [.. System.Text.Encoding.UTF8.GetBytes(_prefix + "-lease"), .. key.Bytes.AsSpan(_prefix.Length)];

    /// <summary>Of the clock and the tags; what was learned is kept while invalidations are heard. Null when it failed.</summary>
    private async Task<long[]?> AskTagsAsync(IReadOnlyList<TagState> tags, CancellationToken cancellation)
    {
        var epoch = _trust.Epoch;
        TagState[] all = [_tags.Clock, .. tags];
        var forgettings = Array.ConvertAll(all, state => state.Forgettings);
        RedisArg[] keys = [_tags.KeyOf("birth"), .. all.Select(state => (RedisArg)_tags.KeyOf(state.Name))];
        var asking = _client.EvaluateAsync(ReadTagsScript, keys, [Milliseconds(BoardLifetime)], cancellation).AsTask();
        if (!await SucceedsAsync(asking, CancellationToken.None))
            return null;

        using var reply = await asking;
        var generations = new long[all.Length];
        var next = 0;
        foreach (var element in reply.Root)
            generations[next++] = element.Integer;
        if (TrustEpoch.IsAttachedIn(epoch))
        {
            for (var index = 0; index < all.Length; index++)
                all[index].TryLearn(generations[index], forgettings[index]);
        }

        return generations;
    }

    private async ValueTask<bool> SucceedsAsync(Task command, CancellationToken cancellation)
    {
        try
        {
            await command;
            _breaker.Succeeded();
            return true;
        }
        catch (OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            return false;
        }
        catch (RedisException failure)
        {
            if (failure.Kind == RedisErrorKind.Refused && failure.Code is not ("LOADING" or "CLUSTERDOWN" or "MASTERDOWN" or "READONLY" or "OOM"))
                _breaker.Succeeded();
            else
                CountFailure(failure);
            return false;
        }
    }

    private void CountFailure(RedisException failure)
    {
        var wasOpen = _breaker.IsOpen;
        _breaker.Failed();
        if (!wasOpen && _breaker.IsOpen)
            _logger.LogWarning(failure, "The cache goes on without Redis");
    }
}
