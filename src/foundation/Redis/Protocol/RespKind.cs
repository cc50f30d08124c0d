namespace SkyRiff.Redis.Protocol;

/// <summary>The type byte that starts every RESP element (RESP3 specification, antirez/RESP3; the first five are RESP2).</summary>
public enum RespKind : byte
{
    /// <summary>No element.</summary>
    None = 0,

    /// <summary>A status line.</summary>
    Text = (byte)'+',

    /// <summary>An error line; its first word is a code.</summary>
    Error = (byte)'-',

    /// <summary>A signed 64-bit integer.</summary>
    Integer = (byte)':',

    /// <summary>Bytes with a length before them; -1 is the null of RESP2.</summary>
    Bulk = (byte)'$',

    /// <summary>Children in order; -1 is the other null of RESP2.</summary>
    Array = (byte)'*',

    /// <summary>Nothing (RESP3).</summary>
    Null = (byte)'_',

    /// <summary>True or false (RESP3).</summary>
    Boolean = (byte)'#',

    /// <summary>A floating-point number (RESP3).</summary>
    Double = (byte)',',

    /// <summary>An integer of any size (RESP3).</summary>
    BigNumber = (byte)'(',

    /// <summary>An error with a length before it (RESP3).</summary>
    BulkError = (byte)'!',

    /// <summary>Text with a three-letter format (RESP3).</summary>
    Verbatim = (byte)'=',

    /// <summary>Pairs of keys and values (RESP3).</summary>
    Map = (byte)'%',

    /// <summary>Children without order (RESP3).</summary>
    Set = (byte)'~',

    /// <summary>Not a reply: a message or an invalidation (RESP3).</summary>
    Push = (byte)'>',

    /// <summary>Pairs that describe the element after them (RESP3).</summary>
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
