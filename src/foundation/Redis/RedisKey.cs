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

    public static RedisKey FromBytes(ReadOnlySpan<byte> bytes) => new(bytes);

    public static RedisKey FromText(ReadOnlySpan<char> text) => new(text);

    public static implicit operator RedisKey(ReadOnlySpan<byte> bytes) => new(bytes);

    public static implicit operator RedisKey(ReadOnlyMemory<byte> bytes) => new(bytes.Span);

    public static implicit operator RedisKey(byte[] bytes) => new(bytes.AsSpan());

    public static implicit operator RedisKey(ReadOnlySpan<char> text) => new(text);

    public static implicit operator RedisKey(string text) => new(text.AsSpan());
}
