namespace SkyRiff.Gateway.Http1;

/// <summary>What a response head says.</summary>
internal sealed class ResponseHead(int fieldCountMax = 100) : MessageHead(fieldCountMax)
{
    public int Status { get; internal set; }

    public bool IsInterim => Status is >= 100 and < 200 and not 101;

    /// <summary>Set on a 101 that answers a WebSocket request: from here on the connection is a tunnel.</summary>
    public bool IsSwitching { get; internal set; }

    public ReadOnlySpan<byte> Reason => Buffer.AsSpan(ReasonStart, ReasonLength);

    internal int ReasonStart { get; set; }

    internal int ReasonLength { get; set; }
}
