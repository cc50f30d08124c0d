using System.Text.Json;

namespace SkyRiff.App.Engines;

/// <summary>
/// Where the local engines listen. PostgreSQL trusts whoever can enter <paramref name="PostgresSocketDirectory"/>, which only the
/// engines' account (and root) can; so there is no password. The directory is what Npgsql takes as Host, and never holds a comma, which
/// Npgsql would read as two hosts. The port is part of the socket's file name only: nothing listens on the network.
/// <paramref name="PostgresUser"/> is the cluster's superuser.
/// </summary>
internal sealed record EngineAddresses(string PostgresSocketDirectory, int PostgresPort, string PostgresUser, string RedisSocketPath)
{
    private const string FileName = "engines.json";

    /// <summary>For other commands of the same user, while the engines run.</summary>
    internal void Publish(DataFolder folder)
    {
        var name = Path.Combine(folder.Path, FileName);
        File.WriteAllText(name + ".new", JsonSerializer.Serialize(this));
        File.Move(name + ".new", name, overwrite: true);
    }

    internal static void Withdraw(DataFolder folder) => File.Delete(Path.Combine(folder.Path, FileName));

    /// <summary>Null when the file is missing (the owner is still starting) or not whole.</summary>
    internal static EngineAddresses? TryRead(string dataPath)
    {
        var name = Path.Combine(dataPath, FileName);
        try
        {
            return File.Exists(name) ? JsonSerializer.Deserialize<EngineAddresses>(File.ReadAllText(name)) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
