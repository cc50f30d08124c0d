using System.Buffers.Binary;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace SkyRiff.Objects.Disk;

/// <summary>
/// What a disk object's file ends with, so that content and facts are one file and appear in one rename:
/// <code>content | facts as JSON | length of the JSON, 4 bytes little-endian | "SkyRiff1"</code>
/// A trailer costs no second inode and cannot go missing, unlike a side file; extended attributes would do too, where there are any.
/// </summary>
internal static class ObjectTrailer
{
    private const int JsonLengthMax = 16 << 10;
    private const int FooterLength = 12;
    private const int TailLength = 1024; // one read finds almost every trailer

    private static ReadOnlySpan<byte> Magic => "SkyRiff1"u8;

    public static byte[] Write(StoredObject stored)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(new Facts(stored.Length, stored.Sha256, stored.ContentType, stored.StoredAt, stored.Metadata));
        var trailer = new byte[json.Length + FooterLength];
        json.CopyTo(trailer, 0);
        BinaryPrimitives.WriteInt32LittleEndian(trailer.AsSpan(json.Length), json.Length);
        Magic.CopyTo(trailer.AsSpan(json.Length + 4));
        return trailer;
    }

    /// <exception cref="ObjectStoreException"><see cref="ObjectStoreFault.Io"/> when the file is not one that <see cref="Write"/> finished.</exception>
    public static async ValueTask<StoredObject> ReadAsync(ObjectKey key, SafeFileHandle file, CancellationToken token)
    {
        var fileLength = RandomAccess.GetLength(file);
        var tail = new byte[Math.Min(TailLength, fileLength)];
        await ReadFullyAsync(file, tail, fileLength - tail.Length, token);

        var jsonLength = tail.Length >= FooterLength && tail.AsSpan(^8..).SequenceEqual(Magic)
            ? BinaryPrimitives.ReadInt32LittleEndian(tail.AsSpan(^FooterLength..))
            : 0;
        if (jsonLength is <= 0 or > JsonLengthMax || jsonLength + FooterLength > fileLength) throw Damaged(key);

        var json = new byte[jsonLength];
        if (jsonLength + FooterLength <= tail.Length) tail.AsSpan(tail.Length - FooterLength - jsonLength, jsonLength).CopyTo(json);
        else await ReadFullyAsync(file, json, fileLength - FooterLength - jsonLength, token);

        try
        {
            var facts = JsonSerializer.Deserialize<Facts>(json);
            if (facts is null || facts.Length + jsonLength + FooterLength != fileLength) throw Damaged(key);
            return new StoredObject(key, facts.Length, facts.Sha256, facts.ContentType, facts.StoredAt, facts.Metadata);
        }
        catch (JsonException)
        {
            throw Damaged(key);
        }
    }

    private static async ValueTask ReadFullyAsync(SafeFileHandle file, Memory<byte> buffer, long offset, CancellationToken token)
    {
        while (buffer.Length > 0)
        {
            var count = await RandomAccess.ReadAsync(file, buffer, offset, token);
            if (count == 0) throw new EndOfStreamException();
            buffer = buffer[count..];
            offset += count;
        }
    }

    private static ObjectStoreException Damaged(ObjectKey key) => new(ObjectStoreFault.Io, $"Object {key} is damaged: its trailer cannot be read.");

    private sealed record Facts(long Length, string Sha256, string ContentType, DateTimeOffset StoredAt, IReadOnlyDictionary<string, string> Metadata);
}
