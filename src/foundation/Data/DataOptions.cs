namespace SkyRiff.Data;

/// <summary>
/// Where the shards are. Connection strings name host, port and database; user and password come from <see cref="ServiceUserPrefix"/>,
/// <see cref="AdminUser"/> and <see cref="Passwords"/>, since every service has a role of its own.
/// </summary>
public sealed class DataOptions
{
    /// <summary>The shards in directory order; 1 to 1,024. Appending is safe, reordering is not.</summary>
    public List<ShardOptions> Shards { get; set; } = [];

    /// <summary>Role that owns the schemas and runs migrations.</summary>
    public string AdminUser { get; set; } = "skyriff";

    /// <summary>A service's role is this followed by its name.</summary>
    public string ServiceUserPrefix { get; set; } = "skyriff_";

    /// <summary>Password per role (those of the services, the admin's, and <c>common</c> behind the prefix, which is the process's own); empty where the server trusts the socket. Secret.</summary>
    public Dictionary<string, string> Passwords { get; set; } = [];

    /// <summary>Connections per service and shard, 1 to 200; a caller past it waits up to <see cref="PoolWait"/>.</summary>
    public int PoolSizeMax { get; set; } = 12;

    /// <summary>How long a caller waits for a connection, 1 s to 60 s; below the service's own time limit of 15 s.</summary>
    public TimeSpan PoolWait { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The innermost time limit of the chain client 3 s, gateway 5, balancer 10, service 15, database 20.</summary>
    public TimeSpan StatementTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Every mistake, not only the first.</summary>
    public IEnumerable<string> Validate()
    {
        if (Shards.Count is < 1 or > 1024) yield return $"Data:Shards has {Shards.Count} entries; 1 to 1024 are possible.";
        if (PoolSizeMax is < 1 or > 200) yield return $"Data:PoolSizeMax is {PoolSizeMax}; 1 to 200 are possible.";
        if (PoolWait < TimeSpan.FromSeconds(1) || PoolWait > TimeSpan.FromSeconds(60)) yield return $"Data:PoolWait is {PoolWait}; 1 s to 60 s are possible.";
        if (StatementTimeout < TimeSpan.FromSeconds(1) || StatementTimeout > TimeSpan.FromMinutes(10)) yield return $"Data:StatementTimeout is {StatementTimeout}; 1 s to 10 min are possible.";
        for (var i = 0; i < Shards.Count; i++)
        {
            if (string.IsNullOrWhiteSpace(Shards[i].Primary)) yield return $"Data:Shards:{i}:Primary is empty; it takes a connection string such as Host=db0;Database=skyriff_0.";
            if (Shards[i].Replicas.Exists(string.IsNullOrWhiteSpace)) yield return $"Data:Shards:{i}:Replicas has an empty entry; leave it out.";
        }
    }
}

public sealed class ShardOptions
{
    /// <summary>Connection string of the primary.</summary>
    public string Primary { get; set; } = "";

    /// <summary>Connection strings of the read copies; none means that reads go to the primary.</summary>
    public List<string> Replicas { get; set; } = [];
}
