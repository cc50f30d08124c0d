using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.Data;

/// <summary>Limits of a relay.</summary>
public sealed class OutboxOptions
{
    /// <summary>Events claimed, and published side by side, at a time and shard; 1 to 1,000.</summary>
    public int BatchMax { get; set; } = 64;

    /// <summary>How long a claimed event is left to the relay that claimed it, 1 s to 10 min; publishing one must take less.</summary>
    public TimeSpan ClaimDuration { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Attempts before an event is laid aside, 1 to 1,000.</summary>
    public int AttemptsMax { get; set; } = 20;

    /// <summary>Backoff after a failed attempt: full jitter below base * 2^attempts, at most <see cref="RetryDelayMax"/>.</summary>
    public TimeSpan RetryDelayBase { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Ceiling of the backoff.</summary>
    public TimeSpan RetryDelayMax { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How often the outbox is looked at without being woken, 50 ms to 1 min.</summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Every mistake, not only the first.</summary>
    public IEnumerable<string> Validate()
    {
        if (BatchMax is < 1 or > 1_000) yield return $"Outbox:BatchMax is {BatchMax}; 1 to 1000 are possible.";
        if (ClaimDuration < TimeSpan.FromSeconds(1) || ClaimDuration > TimeSpan.FromMinutes(10)) yield return $"Outbox:ClaimDuration is {ClaimDuration}; 1 s to 10 min are possible.";
        if (AttemptsMax is < 1 or > 1_000) yield return $"Outbox:AttemptsMax is {AttemptsMax}; 1 to 1000 are possible.";
        if (RetryDelayBase <= TimeSpan.Zero || RetryDelayBase > RetryDelayMax) yield return $"Outbox:RetryDelayBase is {RetryDelayBase}; it lies between 0 and RetryDelayMax ({RetryDelayMax}).";
        if (PollInterval < TimeSpan.FromMilliseconds(50) || PollInterval > TimeSpan.FromMinutes(1)) yield return $"Outbox:PollInterval is {PollInterval}; 50 ms to 1 min are possible.";
    }
}

/// <summary>
/// Publishes one service's outbox on every shard: claims rows for a while (no transaction is open while publishing), hands them to the
/// <see cref="IEventPublisher"/>, and deletes them once it confirmed. A relay that dies in between leaves rows that come again when their claim has run out. Any
/// number of relays may run.
/// </summary>
/// <remarks>
/// Rows are found by being there, never by being newer than the last: a transaction that commits late is not skipped. Of one key only the oldest row is
/// claimable, so a key's events go out one by one and in order, and an event that fails holds up its own key alone.
/// </remarks>
public sealed class OutboxRelay : SupervisedLoop
{
    private readonly ServiceDatabase _database;
    private readonly IEventPublisher _publisher;
    private readonly Wakeups _wakeups;
    private readonly OutboxOptions _options;

    public OutboxRelay(
        ServiceDatabase database, IEventPublisher publisher, Wakeups wakeups, OutboxOptions options, TimeProvider time, Entropy entropy, ILogger<OutboxRelay> logger)
        : base(database.Service + " outbox relay", time, entropy, logger)
    {
        var mistakes = options.Validate().ToList();
        if (mistakes.Count > 0) throw new ArgumentException(string.Join(Environment.NewLine, mistakes), nameof(options));
        (_database, _publisher, _wakeups, _options) = (database, publisher, wakeups, options);
    }

    protected override async Task RunAsync(CancellationToken stopping)
    {
        var bells = _database.Map.Shards.Select(_ => new Bell()).ToArray();
        using var subscription = _wakeups.Subscribe(Outbox.Channel(_database), (shard, _) => bells[shard.Number].Ring());
        await Task.WhenAll(_database.Map.Shards.Select(shard => RelayAsync(shard, bells[shard.Number], stopping)));
    }

    /// <summary>One claim with everything that follows from it; answers how many events were claimed.</summary>
    internal async Task<int> RelayOnceAsync(Shard shard, CancellationToken cancellationToken)
    {
        var claimed = await ClaimAsync(shard, cancellationToken);
        if (claimed.Count == 0) return 0;
        var results = await Task.WhenAll(claimed.Select(row => PublishAsync(row, cancellationToken)));
        cancellationToken.ThrowIfCancellationRequested();
        await SettleAsync(shard, [.. claimed.Zip(results)]);
        return claimed.Count;
    }

    private async Task RelayAsync(Shard shard, Bell bell, CancellationToken stopping)
    {
        for (var failures = 0; !stopping.IsCancellationRequested;)
        {
            try
            {
                while (await RelayOnceAsync(shard, stopping) > 0) failures = 0;
                failures = 0;
                await bell.WaitAsync(_options.PollInterval, Time, stopping);
            }
            catch (DataException failure)
            {
                failures++;
                if (failures == 1) Logger.LogWarning("{Loop} cannot work on {Shard} and tries on: {Reason}", Name, shard, failure.Message);
                await Task.Delay(Entropy.Backoff(_options.RetryDelayBase, TimeSpan.FromSeconds(15), failures), Time, stopping);
            }
        }
    }

    private Task<List<Row>> ClaimAsync(Shard shard, CancellationToken cancellationToken) =>
        _database.PrimaryAsync(shard, (session, token) => session.ListAsync($"""
            WITH due AS MATERIALIZED (
              SELECT position FROM {session.Schema}.outbox o
              WHERE next_at <= now() AND NOT EXISTS (SELECT FROM {session.Schema}.outbox earlier WHERE earlier.key = o.key AND earlier.position < o.position)
              ORDER BY position LIMIT {_options.BatchMax} FOR UPDATE SKIP LOCKED)
            UPDATE {session.Schema}.outbox o SET attempts = attempts + 1, next_at = now() + {_options.ClaimDuration}
            FROM due WHERE o.position = due.position
            RETURNING o.position, o.attempts, o.id, o.topic, o.key, o.payload::text, o.traceparent
            """, row => new Row(row.Long(0), row.Int(1), new EventEnvelope(row.Long(2), row.Text(3), row.Long(4), row.Text(5), row.TextOrNull(6))), token), cancellationToken);

    /// <summary>Null when it was published, else why not.</summary>
    private async Task<string?> PublishAsync(Row row, CancellationToken cancellationToken)
    {
        try
        {
            await _publisher.PublishAsync(row.Envelope, cancellationToken);
            return null;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return "stopped";
        }
        catch (Exception failure)
        {
            var (id, topic) = (row.Envelope.Id, row.Envelope.Topic);
            if (row.Attempts < _options.AttemptsMax) Logger.LogWarning(failure, "Event {Id} ({Topic}) was not published at attempt {Attempts}", id, topic, row.Attempts);
            else Logger.LogError(failure, "Event {Id} ({Topic}) could not be published in {Attempts} attempts and is laid aside", id, topic, row.Attempts);
            return JobQueue.Bounded($"{failure.GetType().Name}: {failure.Message}");
        }
    }

    /// <remarks>Not cancelled: what was published must not come again for no reason.</remarks>
    private async Task SettleAsync(Shard shard, List<(Row Row, string? Error)> results)
    {
        var published = results.Where(result => result.Error is null).Select(result => result.Row.Position).ToArray();
        var failed = results.Where(result => result.Error is not null && result.Row.Attempts < _options.AttemptsMax).ToList();
        var hopeless = results.Where(result => result.Error is not null && result.Row.Attempts >= _options.AttemptsMax).ToList();
        await _database.PrimaryAsync(shard, async (session, token) =>
        {
            var statements = new List<Sql>();
            if (published.Length > 0) statements.Add(Sql.Fragment($"DELETE FROM {session.Schema}.outbox WHERE position = ANY({published})"));
            if (failed.Count > 0)
            {
                statements.Add(Sql.Fragment($"""
                    UPDATE {session.Schema}.outbox o SET next_at = now() + f.delay, last_error = f.error
                    FROM unnest({failed.Select(result => result.Row.Position).ToArray()},
                                {failed.Select(result => Entropy.Backoff(_options.RetryDelayBase, _options.RetryDelayMax, result.Row.Attempts)).ToArray()},
                                {failed.Select(result => result.Error!).ToArray()}) AS f(position, delay, error)
                    WHERE o.position = f.position
                    """));
            }
            if (hopeless.Count > 0)
            {
                statements.Add(Sql.Fragment($"""
                    WITH gone AS (DELETE FROM {session.Schema}.outbox WHERE position = ANY({hopeless.Select(result => result.Row.Position).ToArray()}) RETURNING *)
                    INSERT INTO {session.Schema}.outbox_dead (id, topic, key, payload, traceparent, attempts, last_error, created_at)
                    SELECT gone.id, topic, key, payload, traceparent, attempts, f.error, created_at
                    FROM gone JOIN unnest({hopeless.Select(result => result.Row.Position).ToArray()}, {hopeless.Select(result => result.Error!).ToArray()}) AS f(position, error)
                      ON gone.position = f.position
                    """));
            }
            return await session.ExecuteManyAsync(statements, token);
        }, CancellationToken.None);
    }

    private sealed record Row(long Position, int Attempts, EventEnvelope Envelope);
}
