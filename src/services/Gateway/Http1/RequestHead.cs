namespace SkyRiff.Gateway.Http1;

internal enum MethodKind : byte
{
    Other,
    Get,
    Head,
    Post,
    Put,
    Delete,
    Patch,
    Options,
}

/// <summary>What a request head says.</summary>
internal sealed class RequestHead(int fieldCountMax = 100) : MessageHead(fieldCountMax)
{
    public MethodKind Method { get; internal set; }

    /// <summary>Set when the client waits for "100 Continue" before it sends its body.</summary>
    public bool ExpectContinue { get; internal set; }

    /// <summary>Set when the client asks for a WebSocket; every other protocol in <c>Upgrade</c> is ignored and not forwarded.</summary>
    public bool Upgrade { get; internal set; }

    /// <summary>Methods whose effect is the same once or twice (RFC 9110 section 9.2.2).</summary>
    public bool IsIdempotent => Method is MethodKind.Get or MethodKind.Head or MethodKind.Put or MethodKind.Delete or MethodKind.Options;

    public ReadOnlySpan<byte> MethodName => Buffer.AsSpan(MethodStart, MethodLength);

    /// <summary>As sent, percent-encoded, beginning with "/"; or "*".</summary>
    public ReadOnlySpan<byte> Path => PathLength == 0 ? "/"u8 : Buffer.AsSpan(PathStart, PathLength);

    /// <summary>Without the "?"; see <see cref="HasQuery"/> for an empty one.</summary>
    public ReadOnlySpan<byte> Query => Buffer.AsSpan(QueryStart, QueryLength);

    public bool HasQuery { get; internal set; }

    /// <summary>Host and port as sent; empty only for HTTP/1.0.</summary>
    public ReadOnlySpan<byte> Authority => Buffer.AsSpan(HostStart, HostLength);

    /// <summary>The host without its port.</summary>
    public ReadOnlySpan<byte> HostName => Buffer.AsSpan(HostStart, HostNameLength);

    internal int MethodStart { get; set; }

    internal int MethodLength { get; set; }

    internal int PathStart { get; set; }

    internal int PathLength { get; set; }

    internal int QueryStart { get; set; }

    internal int QueryLength { get; set; }

    internal int HostStart { get; set; }

    internal int HostLength { get; set; }

    internal int HostNameLength { get; set; }
}
