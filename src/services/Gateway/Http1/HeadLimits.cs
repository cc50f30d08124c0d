namespace SkyRiff.Gateway.Http1;

/// <summary>What a head may cost. A head must fit the buffer of a connection, so the sum is bounded by that too.</summary>
internal sealed record HeadLimits
{
    public static readonly HeadLimits Default = new();

    /// <summary>Start line and fields with their line ends; at most 65,535. Larger: 431.</summary>
    public int HeadBytesMax { get; init; } = 16 * 1024;

    /// <summary>The request target; longer: 414.</summary>
    public int TargetBytesMax { get; init; } = 8 * 1024;

    /// <summary>Field lines; more: 431.</summary>
    public int FieldCountMax { get; init; } = 100;

    /// <summary>Whether <c>%2F</c> may stand in a path. Off: two servers disagree whether it separates segments.</summary>
    public bool EncodedSlashAllowed { get; init; }

    /// <summary>Trailer section with its line ends; larger: 431.</summary>
    public int TrailerBytesMax { get; init; } = 4 * 1024;

    /// <summary>The size of one chunk; larger: 413. Well below where 64-bit arithmetic of any peer wraps.</summary>
    public long ChunkBytesMax { get; init; } = 1L << 40;

    /// <summary>All chunk extensions of one message, which are read, checked and dropped.</summary>
    public int ChunkExtensionBytesMax { get; init; } = 1024;
}
