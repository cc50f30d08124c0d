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
/// <see cref="PrimaryAsync{T}(int, Func{SqlSession, CancellationToken, Task{T}}, CancellationToken)"/>); <see cref="ReadAsync{T}"/> may be answered by a replica that has caught up.
/// Deadlocks and serialization failures are repeated a few times, so the work given here must have no effect outside the database.
/// </remarks>
public abstract class ServiceDatabase(ShardMap map, Entropy entropy, TimeProvider time, string service)
{
    private const int AttemptsMax = 4;
    private static readonly TimeSpan RetryDelayBase = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan RetryDelayMax = TimeSpan.FromMilliseconds(200);

    private readonly string _user = map.ServiceUser(service);

    /// <summary>The service's name, which is also its schema.</summary>
    public string Service { get; } = service;

    public ShardMap Map { get; } = map;

    /// <summary>
    /// One transaction on the slot's primary, READ COMMITTED. It commits when the work returns, and rolls back when it throws or
    /// answers a refused <see cref="Outcome{T}"/>. Once the work has returned, the commit can no longer be cancelled.
    /// </summary>
    public Task<T> TransactAsync<T>(int slot, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        TransactAsync(Map.ShardOf(slot), work, cancellationToken);

    /// <inheritdoc cref="TransactAsync{T}(int, Func{SqlSession, CancellationToken, Task{T}}, CancellationToken)"/>
    public async Task<T> TransactAsync<T>(Shard shard, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TransactOnceAsync(shard, work, cancellationToken);
            }
            catch (DataException failure) when (failure.Failure is DataFailure.Contended && attempt < AttemptsMax)
            {
                await Task.Delay(entropy.Backoff(RetryDelayBase, RetryDelayMax, attempt), time, cancellationToken);
            }
        }
    }

    /// <summary>Single statements on the slot's primary, each committed by itself; one round trip each.</summary>
    public Task<T> PrimaryAsync<T>(int slot, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        PrimaryAsync(Map.ShardOf(slot), work, cancellationToken);

    /// <inheritdoc cref="PrimaryAsync{T}(int, Func{SqlSession, CancellationToken, Task{T}}, CancellationToken)"/>
    public async Task<T> PrimaryAsync<T>(Shard shard, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(Map.PrimaryOf(shard, _user), cancellationToken);
        var session = new SqlSession(connection, this, shard);
        var result = await work(session, cancellationToken);
        if (session.Notices.Count > 0) await AfterCommit.SendAsync(connection, commit: false, session.Notices);
        return result;
    }

    /// <summary>Reads on the slot's shard, from a replica where one is fresh enough, else from the primary.</summary>
    public Task<T> ReadAsync<T>(int slot, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        PrimaryAsync(slot, work, cancellationToken);

    private async Task<T> TransactOnceAsync<T>(Shard shard, Func<SqlSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
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
            else if (session.Notices.Count > 0) await AfterCommit.SendAsync(connection, commit: true, session.Notices);
            else await transaction.CommitAsync(CancellationToken.None);
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
