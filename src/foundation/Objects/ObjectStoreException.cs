namespace SkyRiff.Objects;

/// <summary>Why a store could not do as told; closed, so that a caller can decide by it.</summary>
public enum ObjectStoreFault
{
    /// <summary>There is no object of that key.</summary>
    NotFound,

    /// <summary>The key, prefix or metadata breaks the rules every implementation shares.</summary>
    InvalidKey,

    /// <summary>The content is longer than <see cref="PutOptions.LengthMax"/>; nothing was stored.</summary>
    TooLarge,

    /// <summary>The range starts behind the object's end.</summary>
    RangeNotSatisfiable,

    /// <summary>The store is full, or would fall below its reserve; nothing was stored. Worth an alarm, not a quick retry.</summary>
    NoSpace,

    /// <summary>Anything else between us and the medium, a damaged object included.</summary>
    Io,
}

/// <summary>A store failed; the message names no path and no content, so it may be logged as it is.</summary>
public sealed class ObjectStoreException(ObjectStoreFault kind, string message, Exception? inner = null) : Exception($"{message} ({kind})", inner)
{
    public ObjectStoreFault Kind { get; } = kind;
}
