namespace SkyRiff.Data;

/// <summary>What a heartbeat found.</summary>
public enum HeartbeatResult
{
    /// <summary>The lease is good for its whole duration again.</summary>
    Renewed,

    /// <summary>A transaction (the holder's own, or somebody's who is taking the job away) has the row locked: nothing is known, nothing was renewed.</summary>
    Busy,

    /// <summary>The row is gone or has another fence.</summary>
    Lost,
}

/// <summary>The statements of <see cref="JobQueue"/> that handle many jobs at a time.</summary>
internal static class JobClaims
{
    /// <summary>Claims whose first rows were all one owner's, who then was over the limit, look again this many times.</summary>
    private const int RoundsMax = 4;

    public static async Task<IReadOnlyList<LeasedJob>> ClaimAsync(
        ServiceDatabase database, Shard shard, string worker, int countMax, JobQueueOptions options, string? kind, CancellationToken cancellationToken)
    {
        var claimed = new List<LeasedJob>();
        for (var round = 0; round < RoundsMax && claimed.Count < countMax; round++)
        {
            var wanted = countMax - claimed.Count;
            var (jobs, looked) = await database.PrimaryAsync(shard, (session, token) => ClaimOnceAsync(session, worker, wanted, options, kind, token), cancellationToken);
            claimed.AddRange(jobs);
            if (looked < wanted) break;
        }
        return claimed;
    }

    private static async Task<(List<LeasedJob> Jobs, int Looked)> ClaimOnceAsync(
        SqlSession session, string worker, int countMax, JobQueueOptions options, string? kind, CancellationToken cancellationToken)
    {
        var schema = session.Schema;
        var looked = 0;

        LeasedJob Read(SqlRow row)
        {
            looked = (int)row.Long(10);
            return new LeasedJob
            {
                Shard = session.Shard,
                Lease = new Lease(row.Long(0), row.Long(1)),
                Kind = row.Text(2),
                Owner = row.Long(3),
                Priority = row.Short(4),
                Attempt = row.Int(5),
                Payload = row.Text(6),
                LastError = row.TextOrNull(7),
                CreatedAt = row.Time(8),
                LeasedUntil = row.Time(9),
            };
        }

        if (options.OwnerLeasesMax == 0)
        {
            var free = await session.ListAsync($"""
                WITH ready AS MATERIALIZED (
                  SELECT id FROM {schema}.jobs WHERE leased_by IS NULL AND run_at <= now(){OfKind(kind)}
                  ORDER BY priority DESC, turn, run_at, id LIMIT {countMax} FOR UPDATE SKIP LOCKED)
                UPDATE {schema}.jobs j
                SET fence = nextval('{session.Schema}.job_fences'), attempt = attempt + 1, leased_by = {worker}, leased_until = now() + {options.LeaseDuration}
                FROM ready WHERE j.id = ready.id
                RETURNING j.id, j.fence, j.kind, j.owner, j.priority, j.attempt, j.payload::text, j.last_error, j.created_at, j.leased_until, (SELECT count(*) FROM ready)
                """, Read, cancellationToken);
            return (free, looked);
        }

        // Claims of one schema and shard go one after the other (a millisecond each): only so is the owner's limit exact.
        var jobs = await session.ListAfterAsync(
            $"SELECT pg_advisory_xact_lock(hashtextextended({session.Database.Service + ".jobs"}, 0))",
            $"""
            WITH held AS MATERIALIZED (
              SELECT owner, count(*) AS leases FROM {schema}.jobs WHERE leased_by IS NOT NULL GROUP BY owner),
            ready AS MATERIALIZED (
              SELECT id, owner, priority, turn, run_at FROM {schema}.jobs
              WHERE leased_by IS NULL AND run_at <= now(){OfKind(kind)} AND owner NOT IN (SELECT owner FROM held WHERE leases >= {options.OwnerLeasesMax})
              ORDER BY priority DESC, turn, run_at, id LIMIT {countMax} FOR UPDATE SKIP LOCKED),
            chosen AS (
              SELECT r.id, row_number() OVER (PARTITION BY r.owner ORDER BY r.priority DESC, r.turn, r.run_at, r.id) + coalesce(held.leases, 0) AS nth
              FROM ready r LEFT JOIN held ON held.owner = r.owner)
            UPDATE {schema}.jobs j
            SET fence = nextval('{session.Schema}.job_fences'), attempt = attempt + 1, leased_by = {worker}, leased_until = now() + {options.LeaseDuration}
            FROM chosen WHERE j.id = chosen.id AND chosen.nth <= {options.OwnerLeasesMax}
            RETURNING j.id, j.fence, j.kind, j.owner, j.priority, j.attempt, j.payload::text, j.last_error, j.created_at, j.leased_until, (SELECT count(*) FROM ready)
            """, Read, cancellationToken);
        return (jobs, looked);
    }

    private static Sql OfKind(string? kind) => kind is null ? Sql.Fragment($"") : Sql.Fragment($" AND kind = {kind}");

    /// <remarks>Rows that a transaction has locked are passed over: one handler's long transaction must not hold up the heartbeats of a thousand others.</remarks>
    public static async Task<IReadOnlyDictionary<Lease, HeartbeatResult>> HeartbeatAsync(
        ServiceDatabase database, Shard shard, IReadOnlyCollection<Lease> leases, TimeSpan duration, CancellationToken cancellationToken)
    {
        var (ids, fences) = Columns(leases);
        var rows = await database.PrimaryAsync(shard, (session, token) => session.ListAsync($"""
            WITH mine AS MATERIALIZED (SELECT id, fence FROM unnest({ids}, {fences}) AS mine(id, fence)),
            free AS MATERIALIZED (
              SELECT j.id FROM {session.Schema}.jobs j JOIN mine ON j.id = mine.id AND j.fence = mine.fence WHERE j.leased_by IS NOT NULL FOR UPDATE OF j SKIP LOCKED),
            renewed AS (UPDATE {session.Schema}.jobs j SET leased_until = now() + {duration} FROM free WHERE j.id = free.id RETURNING j.id, j.fence)
            SELECT mine.id, mine.fence, (mine.id, mine.fence) IN (SELECT id, fence FROM renewed),
              EXISTS (SELECT FROM {session.Schema}.jobs j WHERE j.id = mine.id AND j.fence = mine.fence AND j.leased_by IS NOT NULL)
            FROM mine
            """, row => (
                Lease: new Lease(row.Long(0), row.Long(1)),
                Result: row.Bool(2) ? HeartbeatResult.Renewed : row.Bool(3) ? HeartbeatResult.Busy : HeartbeatResult.Lost), token), cancellationToken);
        return rows.ToDictionary(row => row.Lease, row => row.Result);
    }

    public static Task<int> RescueAsync(ServiceDatabase database, Shard shard, CancellationToken cancellationToken) =>
        database.PrimaryAsync(shard, (session, token) => session.ExecuteAsync($"""
            WITH ended AS MATERIALIZED (
              SELECT id FROM {session.Schema}.jobs WHERE leased_by IS NOT NULL AND leased_until < now() LIMIT 1000 FOR UPDATE SKIP LOCKED)
            UPDATE {session.Schema}.jobs j
            SET fence = nextval('{session.Schema}.job_fences'), leased_by = NULL, leased_until = NULL, last_error = 'The lease of ' || leased_by || ' ended.'
            FROM ended WHERE j.id = ended.id
            """, token), cancellationToken);

    public static Task<int> ReleaseAsync(ServiceDatabase database, string channel, Shard shard, IReadOnlyCollection<Lease> leases, CancellationToken cancellationToken)
    {
        var (ids, fences) = Columns(leases);
        return database.PrimaryAsync(shard, async (session, token) =>
        {
            var released = await session.ExecuteAsync($"""
                WITH mine AS MATERIALIZED (
                  SELECT j.id FROM {session.Schema}.jobs j JOIN unnest({ids}, {fences}) AS mine(id, fence) ON j.id = mine.id AND j.fence = mine.fence
                  WHERE j.leased_by IS NOT NULL ORDER BY j.id FOR UPDATE OF j SKIP LOCKED)
                UPDATE {session.Schema}.jobs j
                SET fence = nextval('{session.Schema}.job_fences'), leased_by = NULL, leased_until = NULL, attempt = attempt - 1
                FROM mine WHERE j.id = mine.id
                """, token);
            if (released > 0) session.NotifyOnCommit(channel, "");
            return released;
        }, cancellationToken);
    }

    private static (long[] Ids, long[] Fences) Columns(IReadOnlyCollection<Lease> leases) =>
        ([.. leases.Select(lease => lease.Id)], [.. leases.Select(lease => lease.Fence)]);
}
