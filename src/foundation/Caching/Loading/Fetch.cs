using SkyRiff.Caching.Local;
using SkyRiff.Caching.Observing;
using SkyRiff.Caching.Payloads;
using SkyRiff.Caching.Shared;
using SkyRiff.Caching.Tags;

namespace SkyRiff.Caching.Loading;

/// <summary>
/// Flies a group of look-ups through the tiers below the local one:
/// <code>
///   [memory, once more] --fresh--> done
///        v
///   [Redis, one round trip] --fresh--> done
///        |  nothing, old, damaged, invalidated
///        v
///   [expensive: lease of the cluster] --somebody else loads--> [wait for its value, bounded] --> Redis again
///        v
///   [source, one call] --value or nothing--> Redis unless fenced --> local --> done
///        |  failed
///        v
///   [stale value that was not invalidated] --none--> the failure, to everybody who waits
/// </code>
/// </summary>
internal sealed class Fetch<TKey, TValue>(
    CacheCore core, CacheFamilyOptions<TKey, TValue> options, LocalTable<TKey, TValue> table, Shelf<TKey, TValue> shelf, FlightTable<TKey, TValue> flights, TagState family, FamilyCounters counters)
    where TKey : notnull
    where TValue : class
{
    private readonly LoadGate _gate = new(options.LoadsMax, options.LoadsWaitingMax);
    private readonly ClusterFlight _cluster = new(core, options.LoadDurationMax, options.ClusterWaitMax);

    /// <summary>
    /// How long after a value's key was read from Redis a store may still be tried; tombstones live longer than this and a store's time limit.
    /// </summary>
    private readonly TimeSpan _fenceSpan = 2 * options.LoadDurationMax;

    /// <summary>Of invalidations in Redis: all that began to read before one has given up storing when it goes.</summary>
    public TimeSpan TombstoneLifetime => _fenceSpan + (2 * core.Options.RedisTimeLimit) + TimeSpan.FromSeconds(10);

    /// <summary>Ends every flight of the group; never throws.</summary>
    public async Task RunAsync(FlightGroup<TKey, TValue> group)
    {
        using (group)
        {
            try
            {
                var missing = await ReadSharedAsync(group.Flights.FindAll(flight => !TryEndFromMemory(flight)), group.Token);
                if (options.IsExpensive && core.Redis is not null && missing.Count > 0)
                    await LoadOncePerClusterAsync(missing, group.Token);
                else
                    await LoadAsync(missing, group.Token);
            }
            catch (Exception failure)
            {
                foreach (var flight in group.Flights.Where(flight => !flight.IsDone))
                    End(flight, failure);
            }
        }
    }

    /// <summary>
    /// Another flight of the key may have ended after the caller looked in memory and before it looked for a flight. That one stored before it left the table, so
    /// its value is seen here; without this look the source would be asked twice.
    /// </summary>
    private bool TryEndFromMemory(Flight<TKey, TValue> flight)
    {
        if (!table.TryPeek(flight.Key, out var entry) || ReferenceEquals(entry, flight.Renews) || core.Tier.Clock.Advance() >= entry.FreshUntil || !table.IsTrusted(entry))
            return false;
        entry.Touch();
        End(flight, entry.Value);
        return true;
    }

    private async Task LoadOncePerClusterAsync(List<Flight<TKey, TValue>> missing, CancellationToken cancellation)
    {
        var began = core.Time.GetTimestamp();
        while (missing.Count > 0)
        {
            List<Flight<TKey, TValue>> others;
            await using (var lease = await _cluster.TakeAsync(missing.ConvertAll(flight => flight.Shared), cancellation))
            {
                var mine = missing.Where((_, index) => lease.Has(index)).ToList();
                others = missing.Where((_, index) => !lease.Has(index)).ToList();

                // Whoever had the lease until now may have stored meanwhile.
                await LoadAsync(mine.Count == 0 || !lease.IsReal ? mine : await ReadSharedAsync(mine, cancellation), cancellation);
            }

            if (others.Count == 0)
                return;
            if (core.Time.GetElapsedTime(began) >= options.ClusterWaitMax)
            {
                await LoadAsync(others, cancellation);
                return;
            }

            FamilyCounters.Count(ref counters.ClusterWaits);
            await _cluster.PauseAsync(others[0].Shared, cancellation);
            missing = await ReadSharedAsync(others, cancellation);
        }
    }

    /// <summary>Ends the flights whose fresh values are in Redis; answers the others.</summary>
    private async Task<List<Flight<TKey, TValue>>> ReadSharedAsync(List<Flight<TKey, TValue>> asked, CancellationToken cancellation)
    {
        if (core.Redis is null)
        {
            foreach (var flight in asked)
                flight.Stamp = core.Tags.Clock.Generation;
            return asked;
        }

        var missing = asked.Where(flight => core.Owed.Covers(flight.Shared)).ToList();
        var readable = missing.Count == 0 ? asked : asked.Except(missing).ToList();
        var (now, readAt) = (core.Time.GetTimestamp(), core.Tier.Clock.Advance());
        if (readable.Count == 0 || await core.Redis.TryReadAsync(readable.ConvertAll(flight => flight.Shared), family, cancellation) is not { } read)
            return asked;

        var found = new List<(Flight<TKey, TValue> Flight, Envelope Envelope, TValue? Value, int Bytes)>();
        for (var index = 0; index < readable.Count; index++)
        {
            var flight = readable[index];
            using var stored = read.Values[index];
            (flight.Observed, flight.ObservedAt, flight.Stamp, flight.IsBeingWritten) = (Envelope.NonceOf(stored.Span), now, read.Stamp, false);
            if (!stored.IsNull && TryOpen(flight, stored.Span, read.FamilyGeneration, out var envelope, out var value, out var bytes))
                found.Add((flight, envelope, value, bytes));
            else
                missing.Add(flight);
        }

        foreach (var (flight, envelope, value, bytes) in await WithoutInvalidatedAsync(found, missing, cancellation))
        {
            var age = Math.Max(0, core.UtcNowMs - envelope.WrittenAtMs);
            var freshLeft = Math.Min(envelope.FreshMs, (long)(value is null ? options.NegativeLifetime : options.Lifetime).TotalMilliseconds) - age;
            if (freshLeft <= 0 || envelope.Nonce == flight.Renews?.Nonce)
            {
                flight.Candidate = (envelope, value, bytes);
                missing.Add(flight);
                continue;
            }

            FamilyCounters.Count(ref counters.SharedHits);
            if (value is null)
                FamilyCounters.Count(ref counters.SharedNegativeHits);
            var staleMs = value is null ? 0 : (long)options.StaleIfErrorMax.TotalMilliseconds;
            shelf.Keep(flight.Key, flight.Shared, value, new Keeping(flight.Epoch, flight.Version, envelope.Stamp, envelope.Nonce, bytes, freshLeft, staleMs) { SinceMs = readAt });
            End(flight, value);
        }

        return missing;
    }

    /// <summary>Whether there is a value (or the knowledge that there is none) in these bytes that was not cleared away with its family.</summary>
    private bool TryOpen(Flight<TKey, TValue> flight, ReadOnlySpan<byte> stored, long familyGeneration, out Envelope envelope, out TValue? value, out int bytes)
    {
        (value, bytes) = (null, 0);
        FamilyCounters.Count(ref counters.BytesRead, stored.Length);
        var state = Envelope.TryRead(stored, out envelope, out var payload);
        if (state != EnvelopeState.Good)
        {
            FamilyCounters.Count(ref (state == EnvelopeState.Damaged ? ref counters.Damaged : ref counters.UnknownVersion));
            return false;
        }

        flight.IsBeingWritten = envelope.Kind == EnvelopeKind.Mark;
        if (envelope.Kind is EnvelopeKind.Tombstone or EnvelopeKind.Mark || envelope.Stamp < familyGeneration)
            return false;
        if (envelope.Kind == EnvelopeKind.Absent)
            return true;

        bytes = payload.Length;
        if (table.TryPeek(flight.Key, out var old) && old.Nonce == envelope.Nonce && old.Value is not null)
        {
            value = old.Value; // the very same bytes were read before
            return true;
        }

        try
        {
            if (options.Payload.TryRead(envelope.PayloadVersion, payload, out value))
                return true;
            FamilyCounters.Count(ref counters.UnknownVersion);
        }
        catch (Exception)
        {
            // Whatever a serialiser thinks of it: these bytes are not a value.
            FamilyCounters.Count(ref counters.Damaged);
        }

        return false;
    }

    /// <summary>Those whose tags were not invalidated since they were read from the source; the others become missing, as all do whose tags cannot be looked up.</summary>
    private async ValueTask<List<(Flight<TKey, TValue> Flight, Envelope Envelope, TValue? Value, int Bytes)>> WithoutInvalidatedAsync(
        List<(Flight<TKey, TValue> Flight, Envelope Envelope, TValue? Value, int Bytes)> found, List<Flight<TKey, TValue>> missing, CancellationToken cancellation)
    {
        if (options.Tags is null || found.Count == 0)
            return found;

        var tags = found.ConvertAll(item => shelf.TagsOf(item.Flight.Key, item.Value) ?? []);
        var generations = tags.SelectMany(states => states).Distinct().ToDictionary(state => state, state => state.Generation);
        var unknown = generations.Where(known => known.Value == TagState.Unknown).Select(known => known.Key).ToList();
        if (unknown.Count > 0)
        {
            var answer = await core.Redis!.TryReadTagsAsync(unknown, cancellation);
            for (var index = 0; index < unknown.Count; index++)
                generations[unknown[index]] = answer is null ? TagState.Unknown : answer[index + 1];
        }

        var valid = new List<(Flight<TKey, TValue> Flight, Envelope Envelope, TValue? Value, int Bytes)>(found.Count);
        for (var index = 0; index < found.Count; index++)
        {
            if (Array.TrueForAll(tags[index], state => generations[state] <= found[index].Envelope.Stamp))
                valid.Add(found[index]);
            else
                missing.Add(found[index].Flight);
        }

        return valid;
    }

    /// <summary>Ends all of them, by the source or by its failure.</summary>
    private async Task LoadAsync(List<Flight<TKey, TValue>> missing, CancellationToken cancellation)
    {
        foreach (var some in missing.Chunk(options.KeysPerLoadMax))
        {
            IReadOnlyDictionary<TKey, TValue> values;
            try
            {
                if (!await TryEnterAsync(some, cancellation))
                    continue;
                values = await AskSourceAsync(some, cancellation);
            }
            catch (Exception failure)
            {
                foreach (var flight in some)
                    FallBack(flight, failure);
                continue;
            }

            await StoreAsync(some, values);
        }
    }

    /// <summary>
    /// Waits for a place to load. False when there is none and none is needed: a renewal does not stand in line, since its value still serves, unless a caller joined
    /// it, who has no value.
    /// </summary>
    private async ValueTask<bool> TryEnterAsync(Flight<TKey, TValue>[] some, CancellationToken cancellation)
    {
        if (_gate.TryEnter())
            return true;
        var isPutOff = Array.TrueForAll(some, flight => flight.TryPutOff());
        if (!isPutOff && await _gate.EnterAsync(cancellation))
            return true;
        FamilyCounters.Count(ref counters.LoadsRefused);
        if (!isPutOff)
            throw new CacheException(CacheFault.LoadsRefused, $"{options.LoadsMax} loads of {options.Name} run and {options.LoadsWaitingMax} wait already.");
        foreach (var flight in some)
            End(flight, value: null); // nobody hears it
        return false;
    }

    /// <summary>Gives the place back.</summary>
    private async Task<IReadOnlyDictionary<TKey, TValue>> AskSourceAsync(Flight<TKey, TValue>[] some, CancellationToken cancellation)
    {
        FamilyCounters.Count(ref counters.Loads);
        FamilyCounters.Count(ref counters.LoadedKeys, some.Length);
        var began = core.Time.GetTimestamp();
        using var late = new CancellationTokenSource(options.LoadDurationMax, core.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        Task<IReadOnlyDictionary<TKey, TValue>>? loading = null;
        try
        {
            loading = options.Load(Array.ConvertAll(some, flight => flight.Key), either.Token);
            return await loading.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            FamilyCounters.Count(ref counters.LoadFailures);
            throw new CacheException(CacheFault.LoadTimedOut, $"Loading {options.Name} took longer than {options.LoadDurationMax}.");
        }
        catch (Exception) when (!cancellation.IsCancellationRequested)
        {
            FamilyCounters.Count(ref counters.LoadFailures);
            throw;
        }
        finally
        {
            if (loading is { IsCompleted: false })
                _ = loading.ContinueWith(LeaveLate, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            else
                _gate.Leave();
            var took = core.Time.GetElapsedTime(began);
            FamilyCounters.Count(ref counters.LoadMicroseconds, (long)took.TotalMicroseconds);
            core.Meter.LoadTook(options.Name, took);
        }
    }

    /// <summary>A loader that does not listen to its token keeps its place until it is done.</summary>
    private void LeaveLate(Task loaded)
    {
        _ = loaded.Exception;
        _gate.Leave();
    }

    private async Task StoreAsync(Flight<TKey, TValue>[] some, IReadOnlyDictionary<TKey, TValue> values)
    {
        var packed = Array.ConvertAll(some, flight => shelf.Pack(values.GetValueOrDefault(flight.Key), flight.Stamp));
        var stores = new List<SharedStore>(some.Length);
        var places = new int[some.Length];
        for (var index = 0; index < some.Length; index++)
        {
            places[index] = -1;
            var (flight, item) = (some[index], packed[index]);
            if (core.Redis is null || flight.Observed is null || flight.IsBeingWritten || flight.Stamp < 0 || item.FreshMs <= 0 || core.Time.GetElapsedTime(flight.ObservedAt) > _fenceSpan)
                continue;
            if (item.Bytes.Length > options.RedisBytesMax)
            {
                FamilyCounters.Count(ref counters.Oversize);
                continue;
            }

            places[index] = stores.Count;
            stores.Add(new SharedStore(flight.Shared, flight.Observed, item.Bytes, item.Lifetime));
        }

        var results = core.Redis is null ? [] : await core.Redis.StoreAsync(stores);
        for (var index = 0; index < some.Length; index++)
        {
            var (flight, item) = (some[index], packed[index]);
            var value = values.GetValueOrDefault(flight.Key);
            StoreResult? result = places[index] < 0 ? null : results[places[index]];
            if (result == StoreResult.Stored)
                FamilyCounters.Count(ref counters.BytesWritten, item.Bytes.Length);
            if (result == StoreResult.Fenced)
                FamilyCounters.Count(ref counters.Fenced);
            else
                shelf.Keep(flight.Key, flight.Shared, value, new Keeping(flight.Epoch, flight.Version, flight.Stamp, result == StoreResult.Stored ? item.Nonce : 0, item.PayloadBytes, item.FreshMs, item.StaleMs) { IsBrief = flight.IsBeingWritten, SinceMs = flight.SinceMs });
            End(flight, value);
        }
    }

    /// <summary>The source failed: what is past its freshness serves, if it is within its limit and nobody invalidated it.</summary>
    private void FallBack(Flight<TKey, TValue> flight, Exception failure)
    {
        var now = core.Tier.Clock.Advance();
        var pause = (long)options.RetryPause.TotalMilliseconds;
        if (table.TryPeek(flight.Key, out var entry) && table.IsTrusted(entry) && now < entry.DeadAt)
        {
            if (now >= entry.FreshUntil)
            {
                FamilyCounters.Count(ref counters.StaleServed);
                var left = entry.DeadAt - now;
                shelf.Keep(flight.Key, flight.Shared, entry.Value, new Keeping(entry.Epoch, entry.Version, entry.Stamp, entry.Nonce, entry.PayloadBytes, Math.Min(pause, left), Math.Max(0, left - pause)) { IsStale = true, SinceMs = now });
            }

            End(flight, entry.Value);
            return;
        }

        if (flight.Candidate is { } candidate && flights.IsCurrent(flight))
        {
            var left = candidate.Envelope.WrittenAtMs + candidate.Envelope.FreshMs + (long)options.StaleIfErrorMax.TotalMilliseconds - core.UtcNowMs;
            if (left > 0 && candidate.Value is not null)
            {
                FamilyCounters.Count(ref counters.StaleServed);
                shelf.Keep(flight.Key, flight.Shared, candidate.Value, new Keeping(flight.Epoch, flight.Version, candidate.Envelope.Stamp, candidate.Envelope.Nonce, candidate.Bytes, Math.Min(pause, left), Math.Max(0, left - pause)) { IsStale = true, SinceMs = flight.SinceMs });
                End(flight, candidate.Value);
                return;
            }
        }

        End(flight, failure);
    }

    private void End(Flight<TKey, TValue> flight, TValue? value)
    {
        flights.Remove(flight);
        flight.Complete(value);
    }

    private void End(Flight<TKey, TValue> flight, Exception failure)
    {
        flights.Remove(flight);
        flight.Fail(failure);
    }
}
