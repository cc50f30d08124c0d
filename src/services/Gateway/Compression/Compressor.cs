using System.Text;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.ResponseCache;

namespace SkyRiff.Gateway.Compression;

/// <summary>
/// One route's compression: which responses, in which coding, and how their heads change (RFC 9110 section 8.4). A strong ETag becomes weak, since it was of other bytes;
/// <c>If-None-Match</c> compares weakly, so it still serves its purpose at the upstream.
/// </summary>
internal sealed class Compressor(CompressConfig config)
{
    private readonly byte[][] _types = [.. config.Types.Select(Encoding.ASCII.GetBytes)];
    private int _inFlight;

    public CompressConfig Config { get; } = config;

    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>Whether the response would be compressed for some client: then all that may get it are told what it varies by.</summary>
    public bool IsCompressible(ResponseHead head, bool ignoresLength = false)
    {
        if (head.Status is < 200 or 204 or 205 or 206 or 304 or 416 || head.Has(KnownField.ContentEncoding) || !HasType(head.Value(KnownField.ContentType))) return false;
        if (!ignoresLength && head.Has(KnownField.ContentLength) && head.ContentLength < Config.BytesMin) return false;
        if (head.Has(KnownField.ContentLength) && head.ContentLength == 0) return false;
        if (head.Has(KnownField.CacheControl) && CacheDirectives.Of(head).NoTransform) return false;
        return !HasDigest(head);
    }

    /// <summary>How the response leaves, to a request with these fields.</summary>
    public Coding Choose(RequestHead request, ResponseHead head)
    {
        var accepts = AcceptEncoding.Of(request);
        return IsCompressible(head, ignoresLength: !accepts.AllowsIdentity) ? accepts.Choose(Config.UsesBrotli, Config.UsesGzip) : Coding.Identity;
    }

    /// <summary>A place among those that are being compressed; <see cref="Leave"/> gives it back.</summary>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _inFlight) <= Config.InFlightMax) return true;
        Interlocked.Decrement(ref _inFlight);
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _inFlight);

    /// <summary>
    /// The head as it leaves, with <paramref name="coding"/>; -1 for a length that nobody knows yet. With identity only <c>Vary</c> is added, and a 304 gets
    /// the weak tag that its response had.
    /// </summary>
    public static ResponseHead Rewrite(ResponseHead head, Coding coding, long length, BodyKind body)
    {
        Span<byte> bytes = new byte[SealedHead.BytesMax];
        var writer = new HeadWriter(bytes);
        SealedHead.Begin(ref writer, head.Status, head.Reason);
        var isWeakened = coding != Coding.Identity || head.Status == 304;
        for (var i = 0; i < head.FieldCount; i++)
        {
            ref var field = ref head.Fields[i];
            if (field.Dropped || (field.Known == KnownField.ContentLength && coding != Coding.Identity)) continue;
            var value = head.ValueAt(i);
            if (coding != Coding.Identity && Ascii.EqualsIgnoreCase(head.NameAt(i), "Accept-Ranges"u8)) continue;
            if (field.Known == KnownField.ETag && isWeakened && !Conditions.IsWeak(value))
            {
                writer.Write("ETag: W/"u8);
                writer.Write(value);
                writer.Write("\r\n"u8);
                continue;
            }
            writer.Field(head.NameAt(i), value);
        }
        if (coding != Coding.Identity)
        {
            writer.Field("Content-Encoding"u8, coding == Coding.Brotli ? "br"u8 : "gzip"u8);
            if (length >= 0) writer.Field("Content-Length"u8, length);
        }
        if (!VariesByEncoding(head)) writer.Write("Vary: Accept-Encoding\r\n"u8);
        var rewritten = SealedHead.End(ref writer, bytes, body);
        if (rewritten is null) return head;
        rewritten.KeepAlive = head.KeepAlive;
        return rewritten;
    }

    private static bool VariesByEncoding(ResponseHead head)
    {
        if (!head.Has(KnownField.Vary)) return false;
        for (var i = head.IndexOf(KnownField.Vary); i < head.FieldCount; i++)
        {
            if (head.Fields[i].Known != KnownField.Vary) continue;
            foreach (var range in head.ValueAt(i).Split((byte)','))
            {
                var name = HttpBytes.Trim(head.ValueAt(i)[range]);
                if (name is [(byte)'*'] || Ascii.EqualsIgnoreCase(name, "Accept-Encoding"u8)) return true;
            }
        }
        return false;
    }

    private bool HasType(ReadOnlySpan<byte> contentType)
    {
        var semicolon = contentType.IndexOf((byte)';');
        var type = HttpBytes.Trim(semicolon < 0 ? contentType : contentType[..semicolon]);
        foreach (var known in _types)
        {
            if (type.Length == known.Length && Ascii.EqualsIgnoreCase(type, known)) return true;
        }
        return false;
    }

    /// <summary>Digests of the bytes as they were.</summary>
    private static bool HasDigest(ResponseHead head) =>
        head.TryGet("Content-Digest"u8, out _) || head.TryGet("Repr-Digest"u8, out _) || head.TryGet("Digest"u8, out _) || head.TryGet("Content-MD5"u8, out _);
}
