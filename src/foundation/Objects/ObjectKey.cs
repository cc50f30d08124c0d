using System.Diagnostics.CodeAnalysis;

namespace SkyRiff.Objects;

/// <summary>
/// The name of an object: segments of <c>[a-z0-9._-]</c> joined by single slashes, at most <see cref="LengthMax"/> characters, each segment
/// at most <see cref="SegmentLengthMax"/>. No segment starts with a dot, so that neither <c>..</c> nor a hidden file can be spelled; no
/// leading or trailing slash. The same keys are valid on a file system, in S3 and in a URL path without any escaping.
/// </summary>
public readonly record struct ObjectKey
{
    public const int LengthMax = 512;

    /// <summary>Leaves room for the disk store's one-character suffix in a 255-byte file name.</summary>
    public const int SegmentLengthMax = 200;

    private readonly string? _value;

    private ObjectKey(string value) => _value = value;

    /// <summary>The key as text; asking an unset key for it is a bug.</summary>
    public string Value => _value ?? throw new InvalidOperationException("An object key that was never set.");

    /// <summary>The key of <paramref name="text"/>.</summary>
    /// <exception cref="ObjectStoreException"><see cref="ObjectStoreFault.InvalidKey"/> when it breaks a rule above.</exception>
    public static ObjectKey Of(string text) =>
        TryParse(text, out var key) ? key : throw new ObjectStoreException(ObjectStoreFault.InvalidKey, "The object key breaks the naming rules.");

    /// <summary>For text from outside, such as a URL path.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out ObjectKey key)
    {
        var valid = text is { Length: > 0 and <= LengthMax } && AreSegments(text);
        key = valid ? new ObjectKey(text!) : default;
        return valid;
    }

    public override string ToString() => _value ?? "";

    internal static bool AreSegments(ReadOnlySpan<char> text)
    {
        foreach (var range in text.Split('/'))
        {
            var segment = text[range];
            if (segment.Length is 0 or > SegmentLengthMax || segment[0] == '.' || segment.ContainsAnyExcept(SegmentCharacters)) return false;
        }

        return true;
    }

    internal static readonly System.Buffers.SearchValues<char> SegmentCharacters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789._-");
}

/// <summary>
/// What <see cref="IObjectStore.ListAsync"/> lists under: empty (everything), or whole segments followed by a slash (<c>works/42/</c>),
/// or those and the start of one more segment (<c>works/42/seg-</c>).
/// </summary>
public readonly record struct ObjectPrefix
{
    private readonly string? _value;

    private ObjectPrefix(string value) => _value = value;

    public static ObjectPrefix All { get; } = new("");

    public string Value => _value ?? "";

    /// <exception cref="ObjectStoreException"><see cref="ObjectStoreFault.InvalidKey"/> when no key can start with <paramref name="text"/>.</exception>
    public static ObjectPrefix Of(string text)
    {
        var segments = text.EndsWith('/') ? text[..^1] : text;
        if (text.Length > 0 && (text.Length > ObjectKey.LengthMax || !ObjectKey.AreSegments(segments)))
            throw new ObjectStoreException(ObjectStoreFault.InvalidKey, "The object prefix breaks the naming rules.");
        return new ObjectPrefix(text);
    }

    public override string ToString() => Value;
}
