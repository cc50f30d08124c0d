using Npgsql;

namespace SkyRiff.Data;

/// <summary>Makes the shards' databases on a server of our own; where an operator runs PostgreSQL, the operator makes them.</summary>
public static class DatabaseCreation
{
    /// <summary>Creates those that are missing.</summary>
    /// <param name="server">Connection string of any database of the server, with a user that may create databases.</param>
    public static async Task EnsureAsync(string server, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        try
        {
            await using var source = new NpgsqlSlimDataSourceBuilder(server).ConfigureTypeLoading(types => types.EnableTypeLoading(false)).Build();
            await using var connection = await source.OpenConnectionAsync(cancellationToken);
            foreach (var name in names)
            {
                await using var exists = new NpgsqlCommand("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", connection);
                exists.Parameters.Add(new() { Value = name });
                if (await exists.ExecuteScalarAsync(cancellationToken) is true) continue;
                await using var create = new NpgsqlCommand($"CREATE DATABASE {new NpgsqlCommandBuilder().QuoteIdentifier(name)}", connection);
                await create.ExecuteNonQueryAsync(cancellationToken);
            }
        }
        catch (NpgsqlException failure)
        {
            throw DataException.From(failure);
        }
    }
}
