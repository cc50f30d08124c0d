using System.Text;
using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis.Connections;

/// <summary>What a connection is made ready for, beyond who and which database.</summary>
internal sealed record ConnectionPurpose
{
    public static ConnectionPurpose Commands { get; } = new();

    /// <summary>Asks a cluster's replica to serve reads.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>For subscriptions: no command expects a reply.</summary>
    public bool AllFramesToHandler { get; init; }

    /// <summary>Arguments of CLIENT TRACKING ON; null for none.</summary>
    public IReadOnlyList<RedisArg>? Tracking { get; init; }
}

/// <summary>
/// Makes a fresh transport ready, one question and answer at a time:
/// <list type="number">
/// <item>HELLO 3 with AUTH when there is a password. A server that does not know HELLO (before 6.0), or refuses version 3, gets AUTH alone and
/// RESP2 is spoken.</item>
/// <item>CLIENT SETNAME; a refusal is ignored, since the name only serves people.</item>
/// <item>SELECT, READONLY, CLIENT TRACKING as wanted; a refusal fails the connection.</item>
/// </list>
/// </summary>
internal sealed class Handshake(Transport transport, ReceiveBuffer received, RedisOptions options)
{
    private const int ReplyBytesMax = 64 * 1024;

    /// <summary>Answers whether RESP3 is spoken.</summary>
    public async Task<bool> RunAsync(ConnectionPurpose purpose)
    {
        var resp3 = !options.OnlyResp2 && await TryHelloAsync();
        if (!resp3 && options.Password is { } password)
            await DemandAsync(options.User is { } user ? ["AUTH", user, password] : ["AUTH", password]);

        await AskAsync(["CLIENT", "SETNAME", options.ClientName]);
        if (options.Database != 0)
            await DemandAsync(["SELECT", options.Database]);
        if (purpose.ReadOnly)
            await DemandAsync(["READONLY"]);
        if (purpose.Tracking is { } tracking)
        {
            if (!resp3)
                throw new RedisException(RedisErrorKind.NotSent, "Client tracking needs RESP3, which the server does not speak.");
            await DemandAsync(["CLIENT", "TRACKING", "ON", .. tracking]);
        }

        return resp3;
    }

    private async Task<bool> TryHelloAsync()
    {
        var error = await AskAsync(options.Password is { } password ? ["HELLO", 3, "AUTH", options.User ?? "default", password] : ["HELLO", 3]);
        if (error is null)
            return true;
        return error.StartsWith("NOPROTO", StringComparison.Ordinal) || error.StartsWith("ERR unknown command", StringComparison.OrdinalIgnoreCase)
            ? false
            : throw new RedisException(RedisErrorKind.Refused, error);
    }

    private async Task DemandAsync(RedisArg[] command)
    {
        if (await AskAsync(command) is { } error)
            throw new RedisException(RedisErrorKind.Refused, error);
    }

    /// <summary>Answers the error, or null when all is well.</summary>
    private async Task<string?> AskAsync(RedisArg[] arguments)
    {
        var command = new CommandBuffer();
        command.Head(arguments.Length);
        foreach (var argument in arguments)
            command.Bulk(argument);
        await transport.SendAllAsync(command.Bytes.ToArray());

        var scanner = new FrameScanner(ReplyBytesMax);
        while (true)
        {
            var progress = received.Unread.IsEmpty ? RespProgress.NeedMore : scanner.Scan(received.Unread);
            if (progress == RespProgress.Malformed)
                throw new RedisException(RedisErrorKind.Protocol, "The server does not speak RESP.");

            if (progress == RespProgress.Complete)
            {
                var (error, isPush) = Read(received.Unread[..(int)scanner.Length]);
                received.Consume((int)scanner.Length);
                scanner.Reset();
                if (!isPush)
                    return error;
                continue;
            }

            var count = await transport.ReceiveAsync(received.Room(scanner.LengthAtLeast));
            if (count == 0)
                throw new IOException("The server closed the connection during the handshake.");
            received.Filled(count);
        }
    }

    private static (string? Error, bool IsPush) Read(ReadOnlySpan<byte> frame)
    {
        var reply = RespElement.Parse(frame);
        return (reply.IsError ? Encoding.UTF8.GetString(reply.Bytes) : null, reply.Kind == RespKind.Push);
    }
}
