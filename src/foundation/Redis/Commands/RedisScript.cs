using System.Security.Cryptography;
using System.Text;
using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis;

/// <summary>A Lua script; make one per script and keep it. Sent as EVALSHA, and as text when the server does not know it (yet, or after SCRIPT FLUSH).</summary>
public sealed class RedisScript
{
    private readonly byte[] _evalSha;
    private readonly byte[] _eval;

    /// <summary>Computes the hash and encodes both forms once.</summary>
    public RedisScript(string body)
    {
        Body = body;
        Hash = Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes(body)));
        _evalSha = Encoding.UTF8.GetBytes($"$7\r\nEVALSHA\r\n$40\r\n{Hash}\r\n");
        _eval = Encoding.UTF8.GetBytes($"$4\r\nEVAL\r\n${Encoding.UTF8.GetByteCount(body)}\r\n{body}\r\n");
    }

    /// <summary>The Lua text.</summary>
    public string Body { get; }

    /// <summary>SHA-1 of the body, in lower-case hex.</summary>
    public string Hash { get; }

    internal void WriteTo(ref CommandBuffer command, ReadOnlySpan<RedisArg> keys, ReadOnlySpan<RedisArg> arguments)
    {
        command.Head(3 + keys.Length + arguments.Length);
        command.Raw(_evalSha);
        command.Bulk(keys.Length);
        foreach (var key in keys)
            command.Key(key);
        foreach (var argument in arguments)
            command.Bulk(argument);
    }

    /// <summary>Turns an encoded EVALSHA of this script into EVAL.</summary>
    internal void BecomeEval(ref CommandBuffer command)
    {
        var head = command.Bytes.IndexOf((byte)'\n') + 1;
        command.ReplaceStart(head + _evalSha.Length, [.. command.Bytes[..head], .. _eval]);
    }
}
