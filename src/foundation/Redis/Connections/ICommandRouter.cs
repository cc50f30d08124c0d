namespace SkyRiff.Redis.Connections;

/// <summary>Who decides which connection a command goes to: one server, or a cluster's slot map. Called from readers; must not block.</summary>
internal interface ICommandRouter
{
    /// <summary>Hands the command to a connection, or fails it.</summary>
    void Route(PendingReply command);

    /// <summary>A server answered this error; true when the command was sent elsewhere instead of failing.</summary>
    bool TryRedirect(PendingReply command, ReadOnlySpan<byte> error);

    /// <summary>A server's connection broke or could not be made.</summary>
    void OnUnreachable(RedisEndpoint endpoint);
}
