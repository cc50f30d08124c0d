using SkyRiff.Redis.Connections;

namespace SkyRiff.Redis;

/// <summary>
/// Commands that run one after another with nothing between (MULTI, EXEC), sent in one piece on a shared connection. In a cluster all keys must share
/// a slot. Redis does not roll back: a command that fails while running leaves the others done, and its error is an element of the reply. Use it once.
/// </summary>
public sealed class RedisTransaction
{
    private readonly RedisClient _client;
    private readonly RedisSession? _session;
    private PendingReply? _pending;
    private int _count;

    internal RedisTransaction(RedisClient client, RedisSession? session)
    {
        _client = client;
        _session = session;
        _pending = client.Begin(ReplyShape.Frame);
        _pending.Command.Raw("*1\r\n$5\r\nMULTI\r\n"u8);
    }

    /// <summary>Adds a command whose second argument is its key.</summary>
    public RedisTransaction Queue(ReadOnlySpan<RedisArg> command) => Queue(command, 1);

    /// <summary>Adds a command whose key is at <paramref name="keyIndex"/>; -1 for none.</summary>
    public RedisTransaction Queue(ReadOnlySpan<RedisArg> command, int keyIndex)
    {
        RedisClient.Write(_pending ?? throw AlreadyUsed(), command, keyIndex);
        _count++;
        return this;
    }

    /// <summary>
    /// The replies of the commands in an array, or null when a watched key had changed and nothing ran (see <see cref="RedisSession"/>).
    /// </summary>
    /// <exception cref="RedisException">Of kind <see cref="RedisErrorKind.Refused"/>: a command was refused when it was queued, and nothing ran.</exception>
    public ValueTask<RedisReply> ExecuteAsync(CancellationToken cancellation)
    {
        var pending = _pending ?? throw AlreadyUsed();
        _pending = null;
        pending.Command.Raw("*1\r\n$4\r\nEXEC\r\n"u8);
        pending.RepliesBefore = 1 + _count;
        return _session is null ? _client.SendForReply(pending, cancellation) : _session.SendAsync(pending, TimeSpan.Zero, cancellation);
    }

    private static InvalidOperationException AlreadyUsed() => new("The transaction was executed already.");
}
