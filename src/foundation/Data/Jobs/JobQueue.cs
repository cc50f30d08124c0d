namespace SkyRiff.Data;

/// <summary>
/// A service's leased jobs, in the tables of <c>--: include jobs</c>. The database's clock decides leases; a process's never does.
/// <code>
///             Enqueue                  Claim                       Finish
///   (nothing) -------> waiting --------------------> leased -------------------> history
///                       ^   ^  Reschedule, Release,    |  DeadLetter
///                       |   +--Supersede, lease ended--+------------> dead
///                       +------------------------------------- Replay --+
/// </code>
/// Every arrow out of <i>leased</i> gives the row a new fence, so a former holder's <see cref="Lease"/> matches nothing: its transitions throw
/// <see cref="DataFailure.LeaseLost"/> and roll their transactions back. Order of claims: priority (high first), turn, due time, id, where the
/// turn is the number of live jobs that the owner had at enqueueing, so that whoever asks for a hundred waits behind whoever asks for one.
/// </summary>
public sealed class JobQueue
{
    private const int ErrorLengthMax = 2_000;

    private readonly Sql.Verbatim _schema;

    /// <summary>The queue in the database's own schema, whose migrations include the template.</summary>
    /// <exception cref="ArgumentException">The options break their ranges; all mistakes are named.</exception>
    public JobQueue(ServiceDatabase database, JobQueueOptions options)
        : this(database, options, kind: null)
    {
    }

    private JobQueue(ServiceDatabase database, JobQueueOptions options, string? kind)
    {
        Kind = kind;
        var mistakes = options.Validate().ToList();
        if (mistakes.Count > 0) throw new ArgumentException(string.Join(Environment.NewLine, mistakes), nameof(options));
        (Database, Options) = (database, options);
        _schema = Sql.Splice(database.Service);
        Channel = database.Service + "_jobs";
    }

    /// <summary>Where the queue's tables are.</summary>
    public ServiceDatabase Database { get; }

    /// <summary>Its limits; set before the first use.</summary>
    public JobQueueOptions Options { get; }

    /// <summary>The only kind that is claimed; null: all.</summary>
    public string? Kind { get; }

    /// <summary>The same queue, seen by a runner that works on one kind of jobs only, so many at a time: a slow kind keeps nobody from the others.</summary>
    public JobQueue For(string kind, int concurrencyMax) => new(Database, Options.With(concurrencyMax), kind);

    /// <summary>The NOTIFY channel: an empty payload says that something may be claimable, an id nudges that job's holder.</summary>
    internal string Channel { get; }

    /// <summary>Adds a job in the caller's transaction; workers hear of it when that commits.</summary>
    /// <exception cref="DataException"><see cref="DataFailure.Duplicate"/> on <c>jobs_pkey</c>: the id has a live job.</exception>
    public async Task EnqueueAsync(SqlSession session, NewJob job, CancellationToken cancellationToken)
    {
        await session.ExecuteAsync($"""
            INSERT INTO {_schema}.jobs (id, kind, owner, priority, turn, run_at, payload)
            VALUES ({job.Id}, {job.Kind}, {job.Owner}, {job.Priority}, (SELECT count(*)::integer FROM {_schema}.jobs WHERE owner = {job.Owner}),
                    now() + {job.Delay}, {new Sql.Json(job.Payload)})
            """, cancellationToken);
        session.NotifyOnCommit(Channel, "");
    }

    /// <summary>
    /// Takes up to <paramref name="countMax"/> due jobs of a shard, each with a fence of its own; none that another worker holds. The worker's name is
    /// for operators, not part of the proof.
    /// </summary>
    public Task<IReadOnlyList<LeasedJob>> ClaimAsync(Shard shard, string worker, int countMax, CancellationToken cancellationToken) =>
        JobClaims.ClaimAsync(Database, shard, worker, countMax, Options, Kind, cancellationToken);

    /// <summary>Pushes the ends of leases on, many in one statement; tells for each whether it was renewed, is lost, or could not be looked at.</summary>
    public Task<IReadOnlyDictionary<Lease, HeartbeatResult>> HeartbeatAsync(Shard shard, IReadOnlyCollection<Lease> leases, CancellationToken cancellationToken) =>
        JobClaims.HeartbeatAsync(Database, shard, leases, Options.LeaseDuration, cancellationToken);

    /// <summary>Returns jobs whose lease has ended to the waiting ones, with their attempt counted; answers how many.</summary>
    public Task<int> RescueAsync(Shard shard, CancellationToken cancellationToken) => JobClaims.RescueAsync(Database, shard, cancellationToken);

    /// <summary>Gives leases back untried (the attempt is not counted), for a worker that stops; answers how many were still held.</summary>
    public Task<int> ReleaseAsync(Shard shard, IReadOnlyCollection<Lease> leases, CancellationToken cancellationToken) =>
        JobClaims.ReleaseAsync(Database, Channel, shard, leases, cancellationToken);

    /// <summary>
    /// Locks the job's row until the caller's transaction ends and proves that the lease holds. Goes first in every transition's transaction: what
    /// follows it cannot be the work of a worker that lost its lease.
    /// </summary>
    /// <exception cref="DataException"><see cref="DataFailure.LeaseLost"/>.</exception>
    public async Task VerifyAsync(SqlSession session, Lease lease, CancellationToken cancellationToken)
    {
        var held = await session.FirstAsync(
            $"SELECT true FROM {_schema}.jobs WHERE id = {lease.Id} AND fence = {lease.Fence} FOR UPDATE", row => row.Bool(0), cancellationToken);
        if (!held) throw Lost(lease);
    }

    /// <summary>
    /// The same proof as a condition for the domain's own statement, which saves <see cref="VerifyAsync"/>'s round trip:
    /// <c>$"UPDATE videos.generations SET state = {state} WHERE id = {id} AND {queue.Holds(lease)}"</c>. The job's row is locked before any row is changed;
    /// no row changed means that the lease is lost, or that the statement's other conditions did not hold.
    /// </summary>
    public Sql Holds(Lease lease) =>
        Sql.Fragment($"EXISTS (SELECT FROM {_schema}.jobs WHERE jobs.id = {lease.Id} AND jobs.fence = {lease.Fence} FOR UPDATE)");

    /// <summary>
    /// Ends this holding; the job runs again after <paramref name="delay"/>. Not counting the attempt is for a wait that is nobody's failure (throttled upstream).
    /// </summary>
    /// <exception cref="DataException"><see cref="DataFailure.LeaseLost"/>.</exception>
    public async Task RescheduleAsync(SqlSession session, Lease lease, TimeSpan delay, bool countAttempt, string? error, CancellationToken cancellationToken)
    {
        var changed = await session.ExecuteAsync($"""
            UPDATE {_schema}.jobs
            SET fence = nextval('{_schema}.job_fences'), leased_by = NULL, leased_until = NULL, run_at = now() + {delay},
                attempt = attempt - {(countAttempt ? 0 : 1)}, last_error = coalesce({Bounded(error)}, last_error)
            WHERE id = {lease.Id} AND fence = {lease.Fence}
            """, cancellationToken);
        if (changed == 0) throw Lost(lease);
        if (delay <= TimeSpan.Zero) session.NotifyOnCommit(Channel, "");
    }

    /// <summary>The job is over: it moves to the history with a word for how it ended.</summary>
    /// <exception cref="DataException"><see cref="DataFailure.LeaseLost"/>.</exception>
    public async Task FinishAsync(SqlSession session, Lease lease, string outcome, CancellationToken cancellationToken)
    {
        var moved = await session.ExecuteAsync($"""
            WITH gone AS (DELETE FROM {_schema}.jobs WHERE id = {lease.Id} AND fence = {lease.Fence} RETURNING *)
            INSERT INTO {_schema}.jobs_history (id, kind, owner, priority, attempt, outcome, last_error, created_at)
            SELECT id, kind, owner, priority, attempt, {outcome}, last_error, created_at FROM gone
            """, cancellationToken);
        if (moved == 0) throw Lost(lease);
        if (Options.OwnerLeasesMax > 0) session.NotifyOnCommit(Channel, ""); // the owner's next job may now be claimed
    }

    /// <summary>The job is hopeless: it waits for an operator, who may replay it.</summary>
    /// <exception cref="DataException"><see cref="DataFailure.LeaseLost"/>.</exception>
    public async Task DeadLetterAsync(SqlSession session, Lease lease, string error, CancellationToken cancellationToken)
    {
        var moved = await session.ExecuteAsync($"""
            WITH gone AS (DELETE FROM {_schema}.jobs WHERE id = {lease.Id} AND fence = {lease.Fence} RETURNING *)
            INSERT INTO {_schema}.jobs_dead (id, kind, owner, priority, attempt, payload, last_error, created_at)
            SELECT id, kind, owner, priority, attempt, payload, {Bounded(error)}, created_at FROM gone
            ON CONFLICT (id) DO UPDATE SET attempt = excluded.attempt, payload = excluded.payload, last_error = excluded.last_error, died_at = now()
            """, cancellationToken);
        if (moved == 0) throw Lost(lease);
        if (Options.OwnerLeasesMax > 0) session.NotifyOnCommit(Channel, ""); // the owner's next job may now be claimed
    }

    /// <summary>Puts a dead job back with all its attempts; false when it is not among the dead.</summary>
    public async Task<bool> ReplayAsync(SqlSession session, long id, CancellationToken cancellationToken)
    {
        var moved = await session.ExecuteAsync($"""
            WITH risen AS (DELETE FROM {_schema}.jobs_dead WHERE id = {id} RETURNING *)
            INSERT INTO {_schema}.jobs (id, kind, owner, priority, turn, payload, last_error, created_at)
            SELECT id, kind, owner, priority, (SELECT count(*)::integer FROM {_schema}.jobs live WHERE live.owner = risen.owner), payload, last_error, created_at FROM risen
            """, cancellationToken);
        if (moved > 0) session.NotifyOnCommit(Channel, "");
        return moved > 0;
    }

    /// <summary>
    /// Takes the job from whoever holds it: from the commit on the present holder can change nothing, and its runner cancels it. Answers the new
    /// lease, with which the caller may <see cref="FinishAsync"/> the job in the same transaction, or null when there is no live job. Left alone, the
    /// job is claimed anew after <paramref name="delay"/>.
    /// </summary>
    public async Task<Lease?> SupersedeAsync(SqlSession session, long id, TimeSpan delay, CancellationToken cancellationToken)
    {
        var fence = await session.FirstAsync($"""
            UPDATE {_schema}.jobs
            SET fence = nextval('{_schema}.job_fences'), leased_by = NULL, leased_until = NULL, run_at = now() + {delay}
            WHERE id = {id}
            RETURNING fence
            """, row => (long?)row.Long(0), cancellationToken);
        if (fence is null) return null;
        session.NotifyOnCommit(Channel, "");
        session.NotifyOnCommit(Channel, id.ToString());
        return new Lease(id, fence.Value);
    }

    /// <summary>
    /// Something happened to the job's subject (a callback): a waiting job becomes due, a held one's <see cref="LeasedJob.WaitAsync"/> returns. False when there is no live job.
    /// A hint that may be lost, so handlers still look by themselves.
    /// </summary>
    public async Task<bool> NudgeAsync(SqlSession session, long id, CancellationToken cancellationToken)
    {
        var live = await session.ExecuteAsync($"UPDATE {_schema}.jobs SET run_at = least(run_at, now()) WHERE id = {id}", cancellationToken) > 0;
        if (live) session.NotifyOnCommit(Channel, id.ToString());
        return live;
    }

    internal static string? Bounded(string? error) => error is { Length: > ErrorLengthMax } ? error[..ErrorLengthMax] : error;

    private static DataException Lost(Lease lease) => new(DataFailure.LeaseLost, $"The lease of {lease} is lost.");
}
