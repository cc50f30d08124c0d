using Microsoft.Extensions.Logging;
using Npgsql;

namespace SkyRiff.Data;

/// <summary>
/// Brings every shard to the newest schema: the databases' common part first, then each service's, file by file, each in a transaction
/// of its own under an advisory lock, so that any number of starting processes may run it at once. Start-up and <c>skyriff migrate</c> use it.
/// </summary>
public sealed class Migrator(ShardMap map, ILogger<Migrator> logger)
{
    /// <summary>Held while migrating; any number that nothing else uses.</summary>
    private const long AdvisoryLock = 0x536B_7952_6966_66;

    /// <summary>Runs what is missing; answers how many files were applied over all shards.</summary>
    /// <exception cref="DataException">A file failed, was changed after it was applied, or the schema is newer than this program.</exception>
    public async Task<int> RunAsync(IReadOnlyList<IReadOnlyList<Migration>> services, CancellationToken cancellationToken)
    {
        // Roles belong to the whole cluster, which shards may share, so they are made one shard at a time.
        foreach (var shard in map.Shards) await PrepareAsync(shard, services, cancellationToken);
        var applied = await Task.WhenAll(map.Shards.Select(shard => MigrateAsync(shard, services, cancellationToken)));
        await new DirectoryStore(map).EnsureAsync(cancellationToken);
        return applied.Sum();
    }

    private async Task PrepareAsync(Shard shard, IReadOnlyList<IReadOnlyList<Migration>> services, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await map.PrimaryOf(shard, map.AdminUser).OpenConnectionAsync(cancellationToken);
            await using var _ = await LockAsync(connection, cancellationToken);
            foreach (var service in services)
            {
                await CreateRoleAsync(connection, map.ServiceUser(service[0].Service), cancellationToken);
            }
            await CreateRoleAsync(connection, map.CommonUser, cancellationToken);
        }
        catch (NpgsqlException failure)
        {
            throw DataException.From(failure);
        }
    }

    private static Task CreateRoleAsync(NpgsqlConnection connection, string role, CancellationToken cancellationToken) => ExecuteAsync(connection, $"""
        DO $$ BEGIN
          IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} LOGIN; END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
        """, cancellationToken);

    private async Task<int> MigrateAsync(Shard shard, IReadOnlyList<IReadOnlyList<Migration>> services, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await map.PrimaryOf(shard, map.AdminUser).OpenConnectionAsync(cancellationToken);
            await using var _ = await LockAsync(connection, cancellationToken);
            await ExecuteAsync(connection, CommonSchema.Text, cancellationToken);
            await ExecuteAsync(connection, $"GRANT USAGE ON SCHEMA skyriff TO {map.CommonUser}; GRANT SELECT ON skyriff.directory TO {map.CommonUser}", cancellationToken);
            var done = await AppliedAsync(connection, cancellationToken);
            var count = 0;
            foreach (var service in services)
            {
                await PrepareSchemaAsync(connection, service[0].Service, cancellationToken);
                foreach (var migration in service)
                {
                    if (done.Remove((migration.Service, migration.Number), out var checksum))
                    {
                        if (checksum != migration.Checksum) throw new DataException(DataFailure.Rejected, $"Migration {migration.Service}/{migration.Number:0000}_{migration.Name} was changed after it was applied to {shard}.");
                        continue;
                    }
                    await ApplyAsync(connection, shard, migration, cancellationToken);
                    count++;
                }
                var newer = done.Keys.Where(key => key.Service == service[0].Service).ToList();
                if (newer.Count > 0) throw new DataException(DataFailure.Rejected, $"The schema of {newer[0].Service} on {shard} has migration {newer[0].Number}, which this program does not know: it was made by a newer SkyRiff.");
            }
            return count;
        }
        catch (NpgsqlException failure)
        {
            throw DataException.From(failure);
        }
    }

    private async Task ApplyAsync(NpgsqlConnection connection, Shard shard, Migration migration, CancellationToken cancellationToken)
    {
        try
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await ExecuteAsync(connection, "SET LOCAL lock_timeout = '5s'", cancellationToken);
            await ExecuteAsync(connection, migration.Text.Replace("{role}", map.ServiceUser(migration.Service)), cancellationToken);
            await using var record = new NpgsqlCommand("INSERT INTO skyriff.migrations (service, number, name, checksum) VALUES ($1, $2, $3, $4)", connection);
            record.Parameters.Add(new() { Value = migration.Service });
            record.Parameters.Add(new() { Value = migration.Number });
            record.Parameters.Add(new() { Value = migration.Name });
            record.Parameters.Add(new() { Value = migration.Checksum });
            await record.ExecuteNonQueryAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            logger.LogDebug("Applied {Service}/{Number}_{Name} to {Shard}", migration.Service, migration.Number, migration.Name, shard);
        }
        catch (PostgresException failure)
        {
            throw new DataException(DataException.Classify(failure.SqlState), $"Migration {migration.Service}/{migration.Number:0000}_{migration.Name} failed on {shard}: {failure.MessageText}", failure);
        }
    }

    /// <summary>The schema, what the service's role may do in it by default, and nothing for anybody else.</summary>
    private async Task PrepareSchemaAsync(NpgsqlConnection connection, string service, CancellationToken cancellationToken)
    {
        var role = map.ServiceUser(service);
        await ExecuteAsync(connection, $"GRANT USAGE ON SCHEMA skyriff TO {role}; GRANT USAGE ON SEQUENCE skyriff.id_sequence TO {role}", cancellationToken);
        await using var exists = new NpgsqlCommand("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", connection);
        exists.Parameters.Add(new() { Value = service });
        if (await exists.ExecuteScalarAsync(cancellationToken) is true) return;
        await ExecuteAsync(connection, $"""
            CREATE SCHEMA {service};
            GRANT USAGE ON SCHEMA {service} TO {role};
            ALTER DEFAULT PRIVILEGES IN SCHEMA {service} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
            ALTER DEFAULT PRIVILEGES IN SCHEMA {service} GRANT USAGE, SELECT ON SEQUENCES TO {role};
            """, cancellationToken);
    }

    private static async Task<Dictionary<(string Service, int Number), string>> AppliedAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var applied = new Dictionary<(string, int), string>();
        await using var command = new NpgsqlCommand("SELECT service, number, checksum FROM skyriff.migrations", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken)) applied.Add((reader.GetString(0), reader.GetInt32(1)), reader.GetString(2));
        return applied;
    }

    private static async Task<Unlock> LockAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await ExecuteAsync(connection, $"SELECT pg_advisory_lock({AdvisoryLock})", cancellationToken);
        return new Unlock(connection);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string text, CancellationToken cancellationToken)
    {
        // No time limit of the client's: another process may hold the lock for as long as its migrations take, and an index takes what it takes.
        await using var command = new NpgsqlCommand(text, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Pooled connections outlive their use, so the session's lock is given back by hand.</summary>
    private sealed class Unlock(NpgsqlConnection connection) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            if (connection.State is System.Data.ConnectionState.Open) await ExecuteAsync(connection, $"SELECT pg_advisory_unlock({AdvisoryLock})", CancellationToken.None);
        }
    }
}
