using Npgsql;

namespace SkyRiff.Data;

/// <summary>
/// The shards of this deployment, and the connection pools to them: one pool per role and database, made when first asked for.
/// One instance per process.
/// </summary>
public sealed class ShardMap : IAsyncDisposable
{
    /// <summary>How long a transaction may wait for its client's next statement before the server ends it.</summary>
    private static readonly TimeSpan IdleInTransactionMax = TimeSpan.FromSeconds(15);

    /// <summary>The client's own limit strikes first, so that its error is the clear one.</summary>
    private static readonly TimeSpan StatementSlack = TimeSpan.FromSeconds(5);

    private readonly DataOptions _options;
    private readonly ReplicaRotation?[] _rotations;
    private volatile SlotDirectory? _directory;
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Name, string ConnectionString), NpgsqlDataSource> _pools = [];

    /// <summary>Opens nothing yet. <paramref name="time"/> is the system's unless given.</summary>
    /// <exception cref="ArgumentException">The options break their ranges; all mistakes are named.</exception>
    public ShardMap(DataOptions options, TimeProvider? time = null)
    {
        var mistakes = options.Validate().ToList();
        if (mistakes.Count > 0) throw new ArgumentException(string.Join(Environment.NewLine, mistakes), nameof(options));
        _options = options;
        Shards = [.. Enumerable.Range(0, options.Shards.Count).Select(number => new Shard(number))];
        _rotations = [.. options.Shards.Select(shard => shard.Replicas.Count > 0 ? new ReplicaRotation(shard.Replicas.Count, time ?? TimeProvider.System) : null)];
    }

    /// <summary>In the options' order.</summary>
    public IReadOnlyList<Shard> Shards { get; }

    /// <summary>
    /// The placement in force; swapped whole when a newer version is seen. There is none before the first <see cref="Adopt"/> (by <see cref="Migrator"/> or
    /// <see cref="DirectoryStore.LoadAsync"/>): a guess would write to the wrong shard.
    /// </summary>
    public SlotDirectory Directory => _directory ?? throw new InvalidOperationException("No directory is loaded yet: run the Migrator, or DirectoryStore.LoadAsync.");

    public Shard ShardOf(int slot) => Shards[Directory.ShardOf(slot)];

    /// <summary>Takes a directory if it is newer than the one in force.</summary>
    public void Adopt(SlotDirectory directory)
    {
        if (directory.ShardCount != Shards.Count)
        {
            throw new DataException(DataFailure.Rejected, $"Version {directory.Version} of the directory is for {directory.ShardCount} shards, but the options name {Shards.Count}.");
        }
        lock (_lock)
        {
            if (_directory is null || directory.Version > _directory.Version) _directory = directory;
        }
    }

    internal string ServiceUser(string service) => _options.ServiceUserPrefix + service;

    internal string AdminUser => _options.AdminUser;

    /// <summary>The process's own role: reads the directory, watches replicas, listens; can read no service's tables.</summary>
    internal string CommonUser => _options.ServiceUserPrefix + "common";

    /// <summary>A connection of its own outside the pools, for what holds one for as long as the process lives.</summary>
    internal NpgsqlConnection Dedicated(Shard shard, string user)
    {
        var name = user + " listening";
        lock (_lock)
        {
            if (_pools.TryGetValue((name, _options.Shards[shard.Number].Primary), out var source)) return source.CreateConnection();
            var settings = new NpgsqlConnectionStringBuilder(_options.Shards[shard.Number].Primary)
            {
                Username = user,
                ApplicationName = name,
                Pooling = false,
                Timeout = (int)_options.PoolWait.TotalSeconds,
                KeepAlive = 10,
                Enlist = false,
            };
            return Add(name, _options.Shards[shard.Number].Primary, settings).CreateConnection();
        }
    }

    /// <summary>Who may answer reads of the shard; null where it has no replicas.</summary>
    internal ReplicaRotation? RotationOf(Shard shard) => _rotations[shard.Number];

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
                Options = GuardsFor(user),
            };
            return Add(user, connectionString, settings);
        }
    }

    /// <summary>Call it with the lock held.</summary>
    private NpgsqlDataSource Add(string name, string connectionString, NpgsqlConnectionStringBuilder settings)
    {
        if (_options.Passwords.TryGetValue(settings.Username!, out var password)) settings.Password = password;
        // Built-in types only: nothing uses the server's others, and asking for them is a join over its catalog for each pool.
        var source = new NpgsqlSlimDataSourceBuilder(settings.ConnectionString).EnableArrays().EnableJsonTypes().ConfigureTypeLoading(types => types.EnableTypeLoading(false)).Build();
        _pools.Add((name, connectionString), source);
        return source;
    }

    /// <summary>
    /// Limits that the server keeps, for when this process no longer can: a process that is paused inside a transaction holds its row locks only
    /// so long, and a statement whose caller died ends. Migrations (the admin's role) are exempt.
    /// </summary>
    private string? GuardsFor(string user) => user == AdminUser
        ? null
        : $"-c idle_in_transaction_session_timeout={(int)IdleInTransactionMax.TotalMilliseconds} "
            + $"-c statement_timeout={(int)(_options.StatementTimeout + StatementSlack).TotalMilliseconds}";

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
