namespace SkyRiff.Objects;

/// <summary>
/// Objects by key, as a disk and S3 both can keep them. An object appears whole or not at all; a reader that opened one reads that
/// one to its end, whatever is put or deleted meanwhile. Every implementation passes the conformance suite in the tests.
/// </summary>
/// <remarks>
/// All operations throw <see cref="ObjectStoreException"/> and nothing else but cancellation, argument errors, and what the content stream
/// of a put throws by itself.
/// </remarks>
public interface IObjectStore
{
    /// <summary>Stores the stream's rest under <paramref name="key"/>, replacing what was there. When it returns, the object survives a power cut.</summary>
    Task<StoredObject> PutAsync(ObjectKey key, Stream content, PutOptions options, CancellationToken token);

    /// <summary>
    /// Stores the file at <paramref name="path"/> and takes it: afterwards the file is gone from there. On the same file system it costs no copy.
    /// When it throws, the file is still there with its content, or it is gone; it belongs in a scratch folder either way.
    /// </summary>
    Task<StoredObject> PutFileAsync(ObjectKey key, string path, PutOptions options, CancellationToken token);

    /// <summary>Opens the object, or its part; a range that reaches past the end is cut there. The caller disposes the answer.</summary>
    Task<ObjectRead> OpenReadAsync(ObjectKey key, ByteRange? range, CancellationToken token);

    /// <summary>What is known about the object; null when there is none.</summary>
    Task<StoredObject?> StatAsync(ObjectKey key, CancellationToken token);

    /// <summary>True when there was something to delete; deleting what is not there is no error.</summary>
    Task<bool> DeleteAsync(ObjectKey key, CancellationToken token);

    /// <summary>
    /// The objects under <paramref name="prefix"/>, in no particular order, as a stream with bounded memory; with
    /// <paramref name="storedBefore"/> only older ones, which is what a sweep for orphans asks. Objects put or deleted meanwhile may or may not appear.
    /// </summary>
    IAsyncEnumerable<StoredObject> ListAsync(ObjectPrefix prefix, DateTimeOffset? storedBefore, CancellationToken token);

    /// <summary>Removes what puts left behind when their process died, if nothing was written to it since <paramref name="idleSince"/>; answers how many.</summary>
    Task<int> PurgeIncompleteAsync(DateTimeOffset idleSince, CancellationToken token);
}

/// <summary>What is known about an object. <paramref name="Sha256"/> is of the content, 64 lower-case hexadecimal digits.</summary>
public sealed record StoredObject(
    ObjectKey Key,
    long Length,
    string Sha256,
    string ContentType,
    DateTimeOffset StoredAt,
    IReadOnlyDictionary<string, string> Metadata);

/// <summary>How to keep an object.</summary>
public sealed record PutOptions
{
    public const int ContentTypeLengthMax = 100;
    public const int MetadataCountMax = 16;
    public const int MetadataNameLengthMax = 40;
    public const int MetadataValueLengthMax = 200;

    /// <summary>A media type such as <c>video/mp4</c>: printable ASCII.</summary>
    public required string ContentType { get; init; }

    /// <summary>Bytes; a longer content is refused and leaves nothing behind.</summary>
    public required long LengthMax { get; init; }

    /// <summary>Small facts that travel with the object: names of <c>[a-z0-9._-]</c>, values of printable ASCII.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>Refuses what some implementation could not keep, so that all refuse the same.</summary>
    internal void Validate()
    {
        if (LengthMax < 0) throw new InvalidOperationException("A length limit below zero.");
        var valid = ContentType.Length is > 0 and <= ContentTypeLengthMax && IsPrintable(ContentType) && Metadata.Count <= MetadataCountMax;
        foreach (var (name, value) in Metadata)
        {
            valid &= name.Length is > 0 and <= MetadataNameLengthMax && !name.AsSpan().ContainsAnyExcept(ObjectKey.SegmentCharacters);
            valid &= value.Length <= MetadataValueLengthMax && IsPrintable(value);
        }

        if (!valid) throw new ObjectStoreException(ObjectStoreFault.InvalidKey, "The content type or metadata breaks the rules.");
    }

    private static bool IsPrintable(ReadOnlySpan<char> text) => !text.ContainsAnyExceptInRange(' ', '~');
}

/// <summary>A part of an object: <paramref name="Length"/> bytes from <paramref name="Offset"/>, or all from there.</summary>
public readonly record struct ByteRange(long Offset, long? Length = null);

/// <summary>An open object. <see cref="Content"/> yields exactly <see cref="Length"/> bytes, starting at <see cref="Offset"/> of the object.</summary>
public sealed class ObjectRead(StoredObject stored, long offset, long length, Stream content) : IAsyncDisposable
{
    public StoredObject Object { get; } = stored;

    public long Offset { get; } = offset;

    public long Length { get; } = length;

    public Stream Content { get; } = content;

    public ValueTask DisposeAsync() => Content.DisposeAsync();
}
