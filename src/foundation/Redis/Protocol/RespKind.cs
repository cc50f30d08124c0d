namespace SkyRiff.Redis.Protocol;

/// <summary>The type byte that starts every RESP element (RESP3 specification, antirez/RESP3; the first five are RESP2).</summary>
public enum RespKind : byte
{
    None = 0,
    Text = (byte)'+',
    Error = (byte)'-',
    Integer = (byte)':',
    Bulk = (byte)'$',
    Array = (byte)'*',
    Null = (byte)'_',
    Boolean = (byte)'#',
    Double = (byte)',',
    BigNumber = (byte)'(',
    BulkError = (byte)'!',
    Verbatim = (byte)'=',
    Map = (byte)'%',
    Set = (byte)'~',
    Push = (byte)'>',
    Attribute = (byte)'|',
}

/// <summary>What a pure step over bytes answered.</summary>
public enum RespProgress
{
    /// <summary>Well formed so far; ask again when more bytes are there.</summary>
    NeedMore,

    /// <summary>One complete piece was read.</summary>
    Complete,

    /// <summary>No continuation of these bytes is valid RESP, or a limit was passed: the stream is lost.</summary>
    Malformed,
}
