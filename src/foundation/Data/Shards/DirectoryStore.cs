using Microsoft.Extensions.Logging;
using Npgsql;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.Data;

/// <summary>
/// The directory as it is stored: every version on every shard, so that any shard can tell. The first start writes <see cref="SlotDirectory.Hash"/>; later
/// versions are written by whoever moves slots. Reading needs the process's common role, writing the admin's.
/// </summary>
public sealed class DirectoryStore(ShardMap map)
{
    /// <summary>Reads the newest directory that any reachable shard has, and puts it in force.</summary>
    /// <exception cref="DataException">No shard could tell, or the directory is for another number of shards than the options name.</exception>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        DataException? unreachable = null;
        SlotDirectory? newest = null;
        foreach (var shard in map.Shards)
        {
            try
            {
                var found = await ReadAsync(shard, map.CommonUser, cancellationToken);
                if (found is not null && found.Version > (newest?.Version ?? 0)) newest = found;
            }
            catch (DataException failure)
            {
                unreachable = failure;
            }
        }
        if (newest is null) throw unreachable ?? new DataException(DataFailure.Rejected, "No shard has a directory: nothing was migrated yet.");
        map.Adopt(newest);
    }

    /// <summary>Writes a newer version to every shard, and puts it in force here; other processes take it within seconds.</summary>
    /// <exception cref="DataException"><see cref="DataFailure.Rejected"/>: somebody else wrote that version with another placement.</exception>
    public async Task PublishAsync(SlotDirectory directory, CancellationToken cancellationToken)
    {
        // One shard after the other, always from the first: of two writers of one version the first shard lets one through.
        foreach (var shard in map.Shards) await WriteAsync(shard, directory, cancellationToken);
        map.Adopt(directory);
    }

    /// <summary>
    /// What every migration ends with: all shards have the newest version, the first if there is none; shards that were appended to the options join
    /// with no slots.
    /// </summary>
    internal async Task EnsureAsync(CancellationToken cancellationToken)
    {
        SlotDirectory? newest = null;
        foreach (var shard in map.Shards)
        {
            var found = await ReadAsync(shard, map.AdminUser, cancellationToken);
            if (found is not null && found.Version > (newest?.Version ?? 0)) newest = found;
        }
        newest ??= SlotDirectory.Hash(map.Shards.Count);
        if (newest.ShardCount < map.Shards.Count) newest = newest.WithShards(map.Shards.Count);
        if (newest.ShardCount > map.Shards.Count)
        {
            throw new DataException(DataFailure.Rejected,
                $"The directory (version {newest.Version}) is for {newest.ShardCount} shards, but the options name only {map.Shards.Count}: shards are never taken away, only emptied.");
        }
        await PublishAsync(newest, cancellationToken);
    }

    internal async Task<SlotDirectory?> ReadAsync(Shard shard, string user, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = map.PrimaryOf(shard, user).CreateCommand("SELECT version, shard_count, placement FROM skyriff.directory ORDER BY version DESC LIMIT 1");
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            return await reader.ReadAsync(cancellationToken)
                ? SlotDirectory.FromBytes(reader.GetInt64(0), reader.GetInt32(1), await reader.GetFieldValueAsync<byte[]>(2, cancellationToken))
                : null;
        }
        catch (Exception failure) when (failure is NpgsqlException or TimeoutException or System.Net.Sockets.SocketException)
        {
            throw DataException.From(failure);
        }
    }

    private async Task WriteAsync(Shard shard, SlotDirectory directory, CancellationToken cancellationToken)
    {
        try
        {
            // The row is read back by a statement of its own: the INSERT's own snapshot does not show what it collided with.
            await using var connection = await map.PrimaryOf(shard, map.AdminUser).OpenConnectionAsync(cancellationToken);
            await using var insert = new NpgsqlCommand("INSERT INTO skyriff.directory (version, shard_count, placement) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", connection);
            insert.Parameters.Add(new NpgsqlParameter<long> { TypedValue = directory.Version });
            insert.Parameters.Add(new NpgsqlParameter<int> { TypedValue = directory.ShardCount });
            insert.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = directory.ToBytes() });
            if (await insert.ExecuteNonQueryAsync(cancellationToken) == 1) return;
            await using var select = new NpgsqlCommand("SELECT shard_count, placement FROM skyriff.directory WHERE version = $1", connection);
            select.Parameters.Add(new NpgsqlParameter<long> { TypedValue = directory.Version });
            await using var reader = await select.ExecuteReaderAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            if (reader.GetInt32(0) != directory.ShardCount || !(await reader.GetFieldValueAsync<byte[]>(1, cancellationToken)).AsSpan().SequenceEqual(directory.ToBytes()))
            {
                throw new DataException(DataFailure.Rejected,
                    $"Version {directory.Version} of the directory is on {shard} already, with another placement: read it and build the next one on it.");
            }
        }
        catch (Exception failure) when (failure is NpgsqlException or TimeoutException or System.Net.Sockets.SocketException)
        {
            throw DataException.From(failure);
        }
    }
}

/// <summary>Notices newer directories within seconds, by asking one shard after the other. One per process.</summary>
public sealed class DirectoryRefresh(ShardMap map, TimeProvider time, Entropy entropy, ILogger<DirectoryRefresh> logger) : SupervisedLoop("directory refresh", time, entropy, logger)
{
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(2);

    private readonly DirectoryStore _store = new(map);

    protected override async Task RunAsync(CancellationToken stopping)
    {
        for (var turn = Entropy.Next(map.Shards.Count); ; turn++)
        {
            await RefreshAsync(map.Shards[turn % map.Shards.Count], stopping);
            await Task.Delay(RefreshInterval, Time, stopping);
        }
    }

    internal async Task RefreshAsync(Shard shard, CancellationToken cancellationToken)
    {
        try
        {
            if (await _store.ReadAsync(shard, map.CommonUser, cancellationToken) is not { } found || found.Version <= map.Directory.Version) return;
            map.Adopt(found);
            Logger.LogInformation("Version {Version} of the directory is in force", found.Version);
        }
        catch (DataException failure) when (failure.Failure is DataFailure.Rejected)
        {
            Logger.LogError("The newest directory is not for this process: {Reason}", failure.Message);
        }
        catch (DataException failure)
        {
            Logger.LogDebug("{Shard} did not tell its directory: {Reason}", shard, failure.Message);
        }
    }
}
