using System.Data;
using Npgsql;

namespace SkyRiff.Data;

/// <summary>
/// One connection of one shard, for the length of one piece of work; statements run one after the other. Inside
/// <see cref="ServiceDatabase.TransactAsync{T}(int, Func{SqlSession, CancellationToken, Task{T}}, CancellationToken)"/> they are one transaction.
/// </summary>
public sealed class SqlSession
{
    private readonly NpgsqlConnection _connection;
    private List<(string Channel, string Payload)>? _notices;

    private readonly bool _readOnly;

    internal SqlSession(NpgsqlConnection connection, ServiceDatabase database, Shard shard, bool readOnly = false) =>
        (_connection, Database, Shard, _readOnly) = (connection, database, shard, readOnly);

    public Shard Shard { get; }

    /// <summary>Whose session this is.</summary>
    internal ServiceDatabase Database { get; }

    /// <summary>The service's schema, as text for a statement.</summary>
    internal Sql.Verbatim Schema => Sql.Splice(Database.Service);

    /// <summary>A statement failed: inside a transaction nothing can be committed any more.</summary>
    internal bool Failed { get; private set; }

    /// <summary>A statement changed rows.</summary>
    internal bool Wrote { get; private set; }

    /// <summary>What to tell listeners once the work is committed; each notice once.</summary>
    internal IReadOnlyList<(string Channel, string Payload)> Notices => _notices ?? [];

    /// <summary>Runs a statement; answers the number of rows it changed.</summary>
    public Task<int> ExecuteAsync(Sql sql, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        await using var command = Command(sql);
        return Changed(await command.ExecuteNonQueryAsync(cancellationToken));
    });

    /// <summary>The first row, or default when there is none.</summary>
    public Task<T?> FirstAsync<T>(Sql sql, Func<SqlRow, T> read, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        await using var command = Command(sql);
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SingleRow, cancellationToken);
        var first = await reader.ReadAsync(cancellationToken) ? read(new SqlRow(reader)) : default;
        await EndAsync(reader);
        return first;
    });

    /// <summary>The one row that must be there.</summary>
    public Task<T> SingleAsync<T>(Sql sql, Func<SqlRow, T> read, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        await using var command = Command(sql);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken)) throw new DataException(DataFailure.Rejected, "The statement answered no row where exactly one was owed.");
        var single = read(new SqlRow(reader));
        await EndAsync(reader);
        return single;
    });

    /// <summary>All rows; the statement bounds them with LIMIT or by what it selects.</summary>
    public Task<List<T>> ListAsync<T>(Sql sql, Func<SqlRow, T> read, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        await using var command = Command(sql);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken)) rows.Add(read(new SqlRow(reader)));
        await EndAsync(reader);
        return rows;
    });

    /// <summary>
    /// Several statements in one round trip, in order; answers the rows each changed. Outside a transaction they are one by
    /// themselves: all or none.
    /// </summary>
    public Task<int[]> ExecuteManyAsync(IReadOnlyList<Sql> statements, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        await using var batch = Batch(statements);
        Changed(await batch.ExecuteNonQueryAsync(cancellationToken));
        var changed = new int[statements.Count];
        for (var i = 0; i < changed.Length; i++) changed[i] = batch.BatchCommands[i].RecordsAffected;
        return changed;
    });

    /// <summary><paramref name="first"/> and then <paramref name="query"/> in one round trip; answers the query's rows.</summary>
    internal Task<List<T>> ListAfterAsync<T>(Sql first, Sql query, Func<SqlRow, T> read, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        await using var batch = Batch([first, query]);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken)) rows.Add(read(new SqlRow(reader)));
        await EndAsync(reader);
        return rows;
    });

    /// <summary>Has listeners of a channel told, after the commit and in its round trip: a NOTIFY inside the transaction would make all commits of the server queue up.</summary>
    internal void NotifyOnCommit(string channel, string payload)
    {
        _notices ??= [];
        if (!_notices.Contains((channel, payload))) _notices.Add((channel, payload));
    }

    /// <summary>Only a reader that was closed knows how many rows its statement changed.</summary>
    private async Task EndAsync(NpgsqlDataReader reader)
    {
        await reader.CloseAsync();
        Changed(reader.RecordsAffected);
    }

    private int Changed(int rows)
    {
        if (rows <= 0) return rows;
        Wrote = true;
        return _readOnly ? throw new InvalidOperationException("A read session changed rows: what writes goes through TransactAsync or PrimaryAsync.") : rows;
    }

    private async Task<T> GuardAsync<T>(Func<Task<T>> run)
    {
        var done = false;
        try
        {
            var result = await run();
            done = true;
            return result;
        }
        catch (NpgsqlException failure)
        {
            throw DataException.From(failure);
        }
        finally
        {
            if (!done) Failed = true;
        }
    }

    private NpgsqlCommand Command(Sql sql)
    {
        var command = new NpgsqlCommand(sql.Text, _connection);
        foreach (var parameter in sql.Parameters) command.Parameters.Add(parameter);
        return command;
    }

    private NpgsqlBatch Batch(IReadOnlyList<Sql> statements)
    {
        var batch = new NpgsqlBatch(_connection);
        foreach (var sql in statements)
        {
            var command = new NpgsqlBatchCommand(sql.Text);
            foreach (var parameter in sql.Parameters) command.Parameters.Add(parameter);
            batch.BatchCommands.Add(command);
        }
        return batch;
    }
}
