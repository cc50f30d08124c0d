using Npgsql;

namespace SkyRiff.Data;

/// <summary>
/// The shards of this deployment, and the connection pools to them: one pool per role and database, made when first asked for.
/// One instance per process.
/// </summary>
public sealed class ShardMap : IAsyncDisposable
{
    private readonly DataOptions _options;
    private readonly Lock _lock = new();
    private readonly Dictionary<(string User, string ConnectionString), NpgsqlDataSource> _pools = [];

    public ShardMap(DataOptions options)
    {
        var mistakes = options.Validate().ToList();
        if (mistakes.Count > 0) throw new ArgumentException(string.Join(Environment.NewLine, mistakes), nameof(options));
        _options = options;
        Directory = SlotDirectory.Hash(options.Shards.Count);
        Shards = [.. Enumerable.Range(0, options.Shards.Count).Select(number => new Shard(number))];
    }

    public IReadOnlyList<Shard> Shards { get; }

    /// <summary>The placement in force; swapped whole when a newer version is seen.</summary>
    public SlotDirectory Directory { get; private set; }

    public Shard ShardOf(int slot) => Shards[Directory.ShardOf(slot)];

    /// <summary>Takes a directory if it is newer than the one in force.</summary>
    public void Adopt(SlotDirectory directory)
    {
        if (directory.ShardCount != Shards.Count) throw new ArgumentException($"The directory knows {directory.ShardCount} shards, the options {Shards.Count}.", nameof(directory));
        lock (_lock)
        {
            if (directory.Version > Directory.Version) Directory = directory;
        }
    }

    internal string ServiceUser(string service) => _options.ServiceUserPrefix + service;

    internal string AdminUser => _options.AdminUser;

    internal IReadOnlyList<string> ReplicasOf(Shard shard) => _options.Shards[shard.Number].Replicas;

    internal NpgsqlDataSource PrimaryOf(Shard shard, string user) => Pool(user, _options.Shards[shard.Number].Primary);

    internal NpgsqlDataSource Pool(string user, string connectionString)
    {
        lock (_lock)
        {
            if (_pools.TryGetValue((user, connectionString), out var pool)) return pool;
            var settings = new NpgsqlConnectionStringBuilder(connectionString)
            {
                Username = user,
                ApplicationName = user,
                MaxPoolSize = _options.PoolSizeMax,
                MinPoolSize = 0,
                Timeout = (int)_options.PoolWait.TotalSeconds,
                CommandTimeout = (int)_options.StatementTimeout.TotalSeconds,
                MaxAutoPrepare = 128,
                AutoPrepareMinUsages = 2,
                ConnectionIdleLifetime = 60,
                IncludeErrorDetail = false,
                NoResetOnClose = true,
                Enlist = false,
            };
            if (_options.Passwords.TryGetValue(user, out var password)) settings.Password = password;
            pool = new NpgsqlSlimDataSourceBuilder(settings.ConnectionString).EnableArrays().EnableJsonTypes().Build();
            _pools.Add((user, connectionString), pool);
            return pool;
        }
    }

    public async ValueTask DisposeAsync()
    {
        List<NpgsqlDataSource> pools;
        lock (_lock)
        {
            pools = [.. _pools.Values];
            _pools.Clear();
        }
        foreach (var pool in pools) await pool.DisposeAsync();
    }
}
