using Npgsql;

namespace SkyRiff.Data;

/// <summary>
/// One connection of one shard, for the length of one piece of work; statements run one after the other. Inside
/// <see cref="ServiceDatabase.TransactAsync{T}(int, Func{SqlSession, CancellationToken, Task{T}}, CancellationToken)"/> they are one transaction.
/// </summary>
public sealed class SqlSession
{
    private readonly NpgsqlConnection _connection;

    internal SqlSession(NpgsqlConnection connection, Shard shard) => (_connection, Shard) = (connection, shard);

    public Shard Shard { get; }

    /// <summary>Runs a statement; answers the number of rows it changed.</summary>
    public async Task<int> ExecuteAsync(Sql sql, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = Command(sql);
            return await command.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (NpgsqlException failure)
        {
            throw DataException.From(failure);
        }
    }

    /// <summary>The first row, or default when there is none.</summary>
    public async Task<T?> FirstAsync<T>(Sql sql, Func<SqlRow, T> read, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = Command(sql);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            return await reader.ReadAsync(cancellationToken) ? read(new SqlRow(reader)) : default;
        }
        catch (NpgsqlException failure)
        {
            throw DataException.From(failure);
        }
    }

    /// <summary>The one row that must be there.</summary>
    public async Task<T> SingleAsync<T>(Sql sql, Func<SqlRow, T> read, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = Command(sql);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            return await reader.ReadAsync(cancellationToken)
                ? read(new SqlRow(reader))
                : throw new DataException(DataFailure.Rejected, "The statement answered no row where exactly one was owed.");
        }
        catch (NpgsqlException failure)
        {
            throw DataException.From(failure);
        }
    }

    /// <summary>All rows; the statement bounds them with LIMIT or by what it selects.</summary>
    public async Task<List<T>> ListAsync<T>(Sql sql, Func<SqlRow, T> read, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = Command(sql);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            var rows = new List<T>();
            while (await reader.ReadAsync(cancellationToken)) rows.Add(read(new SqlRow(reader)));
            return rows;
        }
        catch (NpgsqlException failure)
        {
            throw DataException.From(failure);
        }
    }

    private NpgsqlCommand Command(Sql sql)
    {
        var command = new NpgsqlCommand(sql.Text, _connection);
        foreach (var parameter in sql.Parameters) command.Parameters.Add(parameter);
        return command;
    }
}
