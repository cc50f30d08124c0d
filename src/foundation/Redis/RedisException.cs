namespace SkyRiff.Redis;

/// <summary>Every way in which a Redis call can fail, told apart by what the caller may do about it.</summary>
public enum RedisErrorKind
{
    /// <summary>The server answered an error (<see cref="RedisException.Code"/>); the command arrived and was refused. A script may have written before it failed.</summary>
    Refused,

    /// <summary>The command never left this process: the server was away or the time limit passed first. Safe to try again.</summary>
    NotSent,

    /// <summary>The command was sent and the connection broke before its reply: it may or may not have run.</summary>
    MayHaveRun,

    /// <summary>The command was sent and no reply came within its time limit: it may or may not have run, or may still run.</summary>
    TimedOut,

    /// <summary>The bounded queue of commands waiting for room was full; not sent. Safe to try again later.</summary>
    Overloaded,

    /// <summary>The server sent bytes that are not RESP, or a reply of another type or size than the command has. It may have run.</summary>
    Protocol,

    /// <summary>The client was disposed; not sent.</summary>
    Disposed,
}

/// <summary>The one exception of this library; cancellation is <see cref="OperationCanceledException"/>.</summary>
public sealed class RedisException(RedisErrorKind kind, string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>What happened, and so what the caller may do.</summary>
    public RedisErrorKind Kind { get; } = kind;

    /// <summary>The first word of a refusal (<c>WRONGTYPE</c>, <c>NOSCRIPT</c>, <c>OOM</c>); empty for other kinds.</summary>
    public string Code { get; } = kind == RedisErrorKind.Refused ? FirstWord(message) : "";

    /// <summary>Whether the command may have had an effect; when false, trying again cannot do it twice.</summary>
    public bool MayHaveRun => Kind is RedisErrorKind.MayHaveRun or RedisErrorKind.TimedOut or RedisErrorKind.Protocol;

    private static string FirstWord(string text)
    {
        var space = text.IndexOf(' ', StringComparison.Ordinal);
        return space < 0 ? text : text[..space];
    }
}
