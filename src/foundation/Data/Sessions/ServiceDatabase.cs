using Npgsql;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Data;

/// <summary>
/// A service's own schema on every shard, seen through the service's own role. Each service derives one class from it, so that one
/// service's tables cannot be reached through another's connection.
/// </summary>
/// <remarks>
/// Writes and everything that decides about money go to the primary (<see cref="TransactAsync{T}(int, Func{SqlSession, CancellationToken, Task{T}}, CancellationToken)"/>,
/// <see cref="PrimaryAsync{T}(int, Func{SqlSession, CancellationToken, Task{T}}, CancellationToken)"/>);
/// <see cref="ReadAsync{T}(int, Func{SqlSession, CancellationToken, Task{T}}, CancellationToken)"/> may be answered by a replica that has caught up.
/// Deadlocks and serialization failures are repeated a few times, so the work given here must have no effect outside the database.
/// </remarks>
public abstract class ServiceDatabase(ShardMap map, Entropy entropy, TimeProvider time, string service)
{
    private const int AttemptsMax = 4;
    private static readonly TimeSpan RetryDelayBase = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan RetryDelayMax = TimeSpan.FromMilliseconds(200);

    private readonly string _user = map.ServiceUser(service);
    private readonly WriteMarks _marks = new();

    /// <summary>The service's name, which is also its schema.</summary>
    public string Service { get; } = service;

    public ShardMap Map { get; } = map;

    /// <summary>
    /// One transaction on the slot's primary, READ COMMITTED. It commits when the work returns, and rolls back when it throws or
    /// answers a refused <see cref="Outcome{T}"/>. Once the work has returned, the commit can no longer be cancelled.
    /// </summary>
    public Task<T> TransactAsync<T>(int slot, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        TransactAsync(Map.ShardOf(slot), slot, work, cancellationToken);

    /// <inheritdoc cref="TransactAsync{T}(int, Func{SqlSession, CancellationToken, Task{T}}, CancellationToken)"/>
    public Task<T> TransactAsync<T>(Shard shard, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        TransactAsync(shard, null, work, cancellationToken);

    private async Task<T> TransactAsync<T>(Shard shard, int? slot, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TransactOnceAsync(shard, slot, work, cancellationToken);
            }
            catch (DataException failure) when (failure.Failure is DataFailure.Contended && attempt < AttemptsMax)
            {
                await Task.Delay(entropy.Backoff(RetryDelayBase, RetryDelayMax, attempt), time, cancellationToken);
            }
        }
    }

    /// <inheritdoc cref="TransactAsync{T}(int, Func{SqlSession, CancellationToken, Task{T}}, CancellationToken)"/>
    public Task TransactAsync(int slot, Func<SqlSession, CancellationToken, Task> work, CancellationToken cancellationToken) =>
        TransactAsync(slot, async (session, token) =>
        {
            await work(session, token);
            return default(Done);
        }, cancellationToken);

    /// <inheritdoc cref="TransactAsync{T}(int, Func{SqlSession, CancellationToken, Task{T}}, CancellationToken)"/>
    public Task TransactAsync(Shard shard, Func<SqlSession, CancellationToken, Task> work, CancellationToken cancellationToken) =>
        TransactAsync(shard, async (session, token) =>
        {
            await work(session, token);
            return default(Done);
        }, cancellationToken);

    /// <summary>Single statements on the slot's primary, each committed by itself; one round trip each.</summary>
    public Task<T> PrimaryAsync<T>(int slot, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        PrimaryAsync(Map.ShardOf(slot), slot, work, cancellationToken);

    /// <inheritdoc cref="PrimaryAsync{T}(int, Func{SqlSession, CancellationToken, Task{T}}, CancellationToken)"/>
    public Task<T> PrimaryAsync<T>(Shard shard, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        PrimaryAsync(shard, null, work, cancellationToken);

    private async Task<T> PrimaryAsync<T>(Shard shard, int? slot, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(Map.PrimaryOf(shard, _user), cancellationToken);
        var session = new SqlSession(connection, this, shard);
        var result = await work(session, cancellationToken);
        await CommitAsync(connection, null, session, slot);
        return result;
    }

    /// <summary>
    /// Reads on the slot's shard: from a replica that has replayed this process's last write into the slot, else from the primary. A read that
    /// fails on a replica is made again on the primary. The session refuses to write.
    /// </summary>
    public Task<T> ReadAsync<T>(int slot, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        ReadAsync(slot, ReadFence.None, work, cancellationToken);

    /// <summary>The same, and the replica must also have passed <paramref name="fence"/>, which another process took with <see cref="FenceOf"/> after it wrote.</summary>
    public async Task<T> ReadAsync<T>(int slot, ReadFence fence, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        var shard = Map.ShardOf(slot);
        if (Map.RotationOf(shard) is { } rotation && rotation.Pick(Math.Max(fence.Position, _marks.Of(slot))) is { } replica)
        {
            try
            {
                return await ReadFromAsync(Map.Pool(_user, Map.ReplicasOf(shard)[replica]), shard, work, cancellationToken);
            }
            catch (DataException failure) when (failure.IsTransient)
            {
                // Away, too slow, or a conflict with replay (SQLSTATE 40001): the primary knows. Only the first takes the replica out.
                if (failure.Failure is DataFailure.Unavailable) rotation.ReplicaFailed(replica);
            }
        }
        return await ReadFromAsync(Map.PrimaryOf(shard, _user), shard, work, cancellationToken);
    }

    /// <summary>What a reader in another process must see to see this process's writes into the slot. Writes made through a <see cref="Shard"/> leave no mark.</summary>
    public ReadFence FenceOf(int slot) => new(_marks.Of(slot));

    private async Task<T> ReadFromAsync<T>(NpgsqlDataSource pool, Shard shard, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(pool, cancellationToken);
        return await work(new SqlSession(connection, this, shard, readOnly: true), cancellationToken);
    }

    private async Task<T> TransactOnceAsync<T>(Shard shard, int? slot, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(Map.PrimaryOf(shard, _user), cancellationToken);
        OpenTransaction.Entered();
        try
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            var session = new SqlSession(connection, this, shard);
            var result = await work(session, cancellationToken);
            if (result is IOutcome { Problem: not null }) await transaction.RollbackAsync(CancellationToken.None);
            else if (session.Failed) throw new DataException(DataFailure.Rejected, "A statement of the transaction failed and the failure was swallowed: nothing can be committed.");
            else await CommitAsync(connection, transaction, session, slot);
            return result;
        }
        catch (NpgsqlException failure)
        {
            throw DataException.From(failure);
        }
        finally
        {
            OpenTransaction.Left();
        }
    }

    /// <summary>Commits (unless each statement did), tells listeners, and marks the slot where replicas need to know.</summary>
    private async Task CommitAsync(NpgsqlConnection connection, NpgsqlTransaction? transaction, SqlSession session, int? slot)
    {
        var marks = slot is not null && session.Wrote && Map.RotationOf(session.Shard) is not null;
        if (session.Notices.Count > 0 || marks)
        {
            var position = await AfterCommit.SendAsync(connection, transaction is not null, session.Notices, marks);
            if (position is not null) _marks.Wrote(slot!.Value, position.Value);
        }
        else if (transaction is not null)
        {
            await transaction.CommitAsync(CancellationToken.None);
        }
    }

    private static async Task<NpgsqlConnection> OpenAsync(NpgsqlDataSource pool, CancellationToken cancellationToken)
    {
        try
        {
            return await pool.OpenConnectionAsync(cancellationToken);
        }
        catch (Exception failure) when (failure is NpgsqlException or TimeoutException or System.Net.Sockets.SocketException)
        {
            throw DataException.From(failure);
        }
    }
}
