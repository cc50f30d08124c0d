namespace SkyRiff.Redis;

/// <summary>A key as the caller has it: bytes, or text that is sent as UTF-8 without a copy of its own. Lives on the stack only.</summary>
public readonly ref struct RedisKey
{
    private RedisKey(ReadOnlySpan<byte> bytes) => Bytes = bytes;

    private RedisKey(ReadOnlySpan<char> text)
    {
        Text = text;
        IsText = true;
    }

    internal ReadOnlySpan<byte> Bytes { get; }

    internal ReadOnlySpan<char> Text { get; }

    internal bool IsText { get; }

    /// <summary>The key in bytes.</summary>
    public static RedisKey FromBytes(ReadOnlySpan<byte> bytes) => new(bytes);

    /// <summary>The key as text, sent as UTF-8.</summary>
    public static RedisKey FromText(ReadOnlySpan<char> text) => new(text);

    /// <summary>The key in bytes.</summary>
    public static implicit operator RedisKey(ReadOnlySpan<byte> bytes) => new(bytes);

    /// <summary>The key in bytes.</summary>
    public static implicit operator RedisKey(ReadOnlyMemory<byte> bytes) => new(bytes.Span);

    /// <summary>The key in bytes.</summary>
    public static implicit operator RedisKey(byte[] bytes) => new(bytes.AsSpan());

    /// <summary>The key as text, sent as UTF-8.</summary>
    public static implicit operator RedisKey(ReadOnlySpan<char> text) => new(text);

    /// <summary>The key as text, sent as UTF-8.</summary>
    public static implicit operator RedisKey(string text) => new(text.AsSpan());
}
