using SkyRiff.Caching.Loading;
using SkyRiff.Caching.Local;
using SkyRiff.Caching.Observing;
using SkyRiff.Caching.Payloads;
using SkyRiff.Caching.Shared;
using SkyRiff.Caching.Tags;

namespace SkyRiff.Caching;

/// <summary>
/// Values of one kind, by key, from memory, Redis or the source, whichever has them first; null is "does not exist". Thread-safe. Values are shared between
/// callers: they must be immutable.
/// <para>Whatever Redis does, reads are answered by the source at the latest. What the source throws is thrown to everybody who waits for that load, and is not
/// remembered.</para>
/// </summary>
public sealed class CacheFamily<TKey, TValue> : ICacheFamily
    where TKey : notnull
    where TValue : class
{
    private readonly CacheCore _core;
    private readonly CacheFamilyOptions<TKey, TValue> _options;
    private readonly HotKeys<TKey> _hot = new();
    private readonly FamilyCounters _counters = new();
    private readonly TagState _tag;
    private readonly LocalTable<TKey, TValue> _table;
    private readonly Shelf<TKey, TValue> _shelf;
    private readonly FlightTable<TKey, TValue> _flights;
    private readonly Fetch<TKey, TValue> _fetch;

    internal CacheFamily(CacheCore core, CacheFamilyOptions<TKey, TValue> options)
    {
        (_core, _options) = (core, options);
        _tag = core.Tags.Family(options.Name);
        _table = new LocalTable<TKey, TValue>(core.Tier, core.Trust, core.Versions, _tag, _hot, core.Seed);
        _shelf = new Shelf<TKey, TValue>(core, options, _table);
        _flights = new FlightTable<TKey, TValue>(core);
        _fetch = new Fetch<TKey, TValue>(core, options, _table, _shelf, _flights, _tag, _counters);
    }

    /// <summary>Of its options.</summary>
    public string Name => _options.Name;

    TimeSpan ICacheFamily.TombstoneLifetime => _fetch.TombstoneLifetime;

    /// <summary>
    /// The value, or null when it does not exist. A hit of the local tier completes at once and allocates nothing. Cancelling takes this caller out; the load goes
    /// on for others who wait for it.
    /// </summary>
    /// <exception cref="CacheException">Too many loads, or a load that took too long, and no stale value to serve.</exception>
    public ValueTask<TValue?> GetAsync(TKey key, CancellationToken cancellation) =>
        _table.TryHit(key, out var value) ? new ValueTask<TValue?>(value) : GetSlowly(key, cancellation);

    /// <summary>The values in the keys' order, null where there is none: one round trip to Redis for all misses, and one load for what Redis has not.</summary>
    public async ValueTask<IReadOnlyList<TValue?>> GetManyAsync(IReadOnlyList<TKey> keys, CancellationToken cancellation)
    {
        var values = new TValue?[keys.Count];
        List<(int Index, Flight<TKey, TValue> Flight)>? waits = null;
        FlightGroup<TKey, TValue>? group = null;
        try
        {
            for (var index = 0; index < values.Length; index++)
            {
                var key = keys[index];
                if (_table.TryHit(key, out values[index]) || TryAnswerNow(key, out values[index]))
                    continue;
                var shared = _shelf.KeyOf(key);
                group ??= new FlightGroup<TKey, TValue>(_core.Background.Stopping);
                (waits ??= []).Add((index, _flights.Join(key, shared, group).Flight));
            }
        }
        catch
        {
            // A key that cannot be asked for; others may have joined what this call began already.
            foreach (var (_, flight) in waits ?? [])
                flight.Leave();
            Fly(group);
            throw;
        }

        if (waits is null)
            return values;
        Fly(group);
        var left = 0;
        try
        {
            for (; left < waits.Count; left++)
                values[waits[left].Index] = await waits[left].Flight.WaitAsync(cancellation);
        }
        catch
        {
            foreach (var (_, flight) in waits.Skip(left + 1))
                flight.Leave();
            throw;
        }

        return values;
    }

    /// <summary>Writes the value through: to the source by <see cref="CacheFamilyOptions{TKey, TValue}.Write"/>, then to Redis, then here.</summary>
    public async ValueTask SetAsync(TKey key, TValue value, CancellationToken cancellation)
    {
        var write = _options.Write ?? throw new InvalidOperationException($"The family {Name} has no {nameof(_options.Write)}.");
        await WriteAsync(key, async token =>
        {
            await write(key, value, token);
            return value;
        }, cancellation);
    }

    /// <summary>
    /// Changes the source by <paramref name="write"/>, which answers the new value (null: it does not exist any more), and puts that into the tiers. While it
    /// runs, Redis holds a mark, so that nobody stores what was read before it; a process that dies in it leaves nothing but that mark, which ends by itself.
    /// When writers overlap, none of their values is stored, and the next reader asks the source.
    /// </summary>
    public async ValueTask<TValue?> WriteAsync(TKey key, Func<CancellationToken, Task<TValue?>> write, CancellationToken cancellation)
    {
        var shared = _shelf.KeyOf(key);
        var began = _core.Time.GetTimestamp();
        var sinceMs = _core.Tier.Clock.Advance();
        var epoch = _core.Trust.Epoch;
        var (stamp, mark) = await MarkAsync(shared, cancellation);
        var version = _core.Versions.Move(shared.Slot);
        TValue? value;
        try
        {
            value = await write(cancellation);
        }
        catch
        {
            await ForgetAsync(shared); // it may have happened
            throw;
        }

        var isAlone = _core.Versions.TryMove(shared.Slot, version);
        if (!isAlone)
            _core.Versions.Move(shared.Slot);
        var packed = _shelf.Pack(value, stamp);
        if (_core.Redis is null)
        {
            if (isAlone)
                Keep();
            return value;
        }

        var storable = mark is not null && stamp >= 0 && packed.FreshMs > 0 && packed.Bytes.Length <= _options.RedisBytesMax && _core.Time.GetElapsedTime(began) < _options.LoadDurationMax;
        if (storable && (await _core.Redis.StoreAsync([new SharedStore(shared, mark!, packed.Bytes, packed.Lifetime)]))[0] == StoreResult.Stored)
        {
            FamilyCounters.Count(ref _counters.BytesWritten, packed.Bytes.Length);
            if (isAlone)
                Keep();
        }
        else
        {
            await ForgetAsync(shared);
        }

        return value;

        void Keep() => _shelf.Keep(key, shared, value, new Keeping(epoch, version + 1, stamp, packed.Nonce, packed.PayloadBytes, packed.FreshMs, packed.StaleMs) { SinceMs = sinceMs });
    }

    /// <summary>
    /// Forgets the value everywhere; call it after the source was changed by other means. When Redis cannot be told now it is told later, and until then this
    /// process does not believe what Redis has.
    /// </summary>
    public ValueTask RemoveAsync(TKey key, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return ForgetAsync(_shelf.KeyOf(key));
    }

    /// <summary>Forgets all values of the family, everywhere.</summary>
    public ValueTask ClearAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return _core.InvalidateTagAsync(_tag);
    }

    /// <summary>
    /// Reads many keys so that they are here when they are asked for, <see cref="CacheFamilyOptions{TKey, TValue}.KeysPerLoadMax"/> per load and
    /// <paramref name="loadsAtOnce"/> loads at a time. Waits a moment for invalidations to be heard, since entries are brief before that. Answers how many exist.
    /// </summary>
    public async Task<int> WarmAsync(IEnumerable<TKey> keys, int loadsAtOnce, CancellationToken cancellation)
    {
        await _core.AttachedAsync(cancellation);
        var found = 0;
        var pace = new ParallelOptions { MaxDegreeOfParallelism = Math.Clamp(loadsAtOnce, 1, _options.LoadsMax), CancellationToken = cancellation };
        await Parallel.ForEachAsync(keys.Distinct().Chunk(_options.KeysPerLoadMax), pace, async (some, token) =>
        {
            var values = await GetManyAsync(some, token);
            Interlocked.Add(ref found, values.Count(value => value is not null));
        });
        return found;
    }

    /// <summary>What it did since its beginning.</summary>
    public CacheFamilyStatistics Statistics() => new()
    {
        Name = Name,
        LocalEntries = _table.Count,
        LocalHits = _table.Hits.Sum,
        RedisHits = Volatile.Read(ref _counters.SharedHits),
        Misses = Volatile.Read(ref _counters.Misses),
        NegativeHits = _table.NegativeHits.Sum + Volatile.Read(ref _counters.SharedNegativeHits),
        MembershipRefusals = Volatile.Read(ref _counters.MembershipRefusals),
        Loads = Volatile.Read(ref _counters.Loads),
        LoadedKeys = Volatile.Read(ref _counters.LoadedKeys),
        LoadFailures = Volatile.Read(ref _counters.LoadFailures),
        LoadTime = TimeSpan.FromMicroseconds(Volatile.Read(ref _counters.LoadMicroseconds)),
        Renewals = Volatile.Read(ref _counters.Renewals),
        StaleServed = Volatile.Read(ref _counters.StaleServed),
        LoadsRefused = Volatile.Read(ref _counters.LoadsRefused),
        Fenced = Volatile.Read(ref _counters.Fenced),
        Damaged = Volatile.Read(ref _counters.Damaged),
        UnknownVersion = Volatile.Read(ref _counters.UnknownVersion),
        Oversize = Volatile.Read(ref _counters.Oversize),
        ClusterWaits = Volatile.Read(ref _counters.ClusterWaits),
        BytesRead = Volatile.Read(ref _counters.BytesRead),
        BytesWritten = Volatile.Read(ref _counters.BytesWritten),
    };

    /// <summary>The most asked-for keys lately, the hottest first; at most 64 are known.</summary>
    public IReadOnlyList<HotKey<TKey>> HotKeys(int count) => [.. _hot.Top(count).Select(hot => new HotKey<TKey>(hot.Key, hot.Count, hot.Error))];

    private ValueTask<TValue?> GetSlowly(TKey key, CancellationToken cancellation)
    {
        if (TryAnswerNow(key, out var value))
            return new ValueTask<TValue?>(value);

        var shared = _shelf.KeyOf(key);
        var group = new FlightGroup<TKey, TValue>(_core.Background.Stopping);
        var (flight, _) = _flights.Join(key, shared, group);
        Fly(group);
        return flight.WaitAsync(cancellation);
    }

    /// <summary>Returns when it has to wait; the flights end by themselves, and those are awaited.</summary>
    private void Fly(FlightGroup<TKey, TValue>? group)
    {
        if (group?.Flights.Count > 0)
            _ = _fetch.RunAsync(group);
        else
            group?.Dispose();
    }

    /// <summary>What needs no look-up below: a value that is due for renewal but good, or a key that cannot exist.</summary>
    private bool TryAnswerNow(TKey key, out TValue? value)
    {
        if (_core.Background.Stopping.IsCancellationRequested)
            throw new CacheException(CacheFault.Disposed, "The cache was disposed.");

        if (_table.TryPeek(key, out var entry) && _core.Tier.Clock.Advance() < entry.FreshUntil && _table.IsTrusted(entry))
        {
            _table.OnHit(entry);
            value = entry.Value;
            if (IsDue(entry) && Interlocked.Exchange(ref entry.IsBeingRenewed, 1) == 0)
                BeginRenewal(entry);
            return true;
        }

        value = null;
        _table.Misses.Increment();
        FamilyCounters.Count(ref _counters.Misses);
        _hot.Sample(key, 1);
        if (_options.Membership is null || _options.Membership.MayContain(key))
            return false;
        FamilyCounters.Count(ref _counters.MembershipRefusals);
        return true;
    }

    /// <summary>False for one that was stored since the caller looked first, and for one that is put off.</summary>
    private bool IsDue(CacheEntry<TKey, TValue> entry) => _core.Tier.Clock.NowMs >= entry.RefreshAt;

    private void BeginRenewal(CacheEntry<TKey, TValue> entry)
    {
        // Whoever had it until now may have put it off.
        if (!IsDue(entry))
            Volatile.Write(ref entry.IsBeingRenewed, 0);
        else if (!_core.Background.TryRun(() => RenewAsync(entry)))
            PutOff(entry);
    }

    /// <summary>Never throws: the value that is there serves on, and somebody tries again after a pause.</summary>
    private async Task RenewAsync(CacheEntry<TKey, TValue> entry)
    {
        var group = new FlightGroup<TKey, TValue>(_core.Background.Stopping);
        var (flight, isNew) = _flights.Join(entry.Key, _shelf.KeyOf(entry.Key), group, renewed: entry);
        if (isNew)
        {
            FamilyCounters.Count(ref _counters.Renewals);
            await _fetch.RunAsync(group);
        }
        else
        {
            group.Dispose();
        }

        flight.Leave();
        PutOff(entry);
    }

    /// <summary>No further renewal of this entry for a while; of no effect when another one took its place.</summary>
    private void PutOff(CacheEntry<TKey, TValue> entry)
    {
        entry.RefreshAt = Math.Min(entry.FreshUntil, _core.Tier.Clock.NowMs + (long)_options.RetryPause.TotalMilliseconds);
        Volatile.Write(ref entry.IsBeingRenewed, 0);
    }

    /// <summary>The tag clock (negative when not known) and the nonce of the mark that is in Redis now; null when there is none.</summary>
    private async ValueTask<(long Stamp, byte[]? Mark)> MarkAsync(SharedKey shared, CancellationToken cancellation)
    {
        if (_core.Redis is null)
            return (_core.Tags.Clock.Generation, null);
        var clock = _core.Tags.Clock.Generation;
        if (clock == TagState.Unknown || _core.Owed.CoversAll)
            clock = (await _core.Redis.TryReadTagsAsync([_tag], cancellation))?[0] ?? -1;
        var bytes = new Envelope(EnvelopeKind.Mark, _core.NewNonce(), 0, _core.UtcNowMs, 0, 0).Write([]);
        return (clock, await _core.Redis.PutAsync(shared, bytes, _fetch.TombstoneLifetime) ? Envelope.NonceOf(bytes) : null);
    }

    private async ValueTask ForgetAsync(SharedKey shared)
    {
        _core.Versions.Move(shared.Slot);
        if (_core.Redis is null)
            return;
        if (!await _core.Redis.PutAsync(shared, _core.Tombstone(), _fetch.TombstoneLifetime))
            _core.Owed.AddKey(shared);

        // Who asked Redis before the tombstone was there must not be believed either.
        _core.Versions.Move(shared.Slot);
    }
}
