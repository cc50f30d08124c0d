using SkyRiff.Gateway.Compression;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>One response in the cache: its head as the upstream sent it, without what is about a connection, and its whole body. It never changes but for its variants.</summary>
internal sealed class StoredResponse
{
    /// <summary>Objects around the bytes, roughly.</summary>
    private const int OverheadBytes = 768;

    private static readonly KnownFieldSet NotKept = KnownFieldSet.Of(KnownField.ContentLength, KnownField.Age);

    /// <summary>What a 304 carries of a stored response (RFC 9110 section 15.4.5), with what caches downstream need.</summary>
    private static readonly KnownFieldSet InNotModified = KnownFieldSet.Of(KnownField.CacheControl, KnownField.Date, KnownField.ETag, KnownField.Expires, KnownField.Vary, KnownField.LastModified);

    private readonly ResponseHead?[] _codedHeads = new ResponseHead?[3];
    private ResponseHead? _notModified;
    private ResponseHead? _variedNotModified;

    private StoredResponse(ResponseHead head, byte[] body) => (Head, Body) = (head, body);

    public ResponseHead Head { get; }

    public byte[] Body { get; }

    public required VaryKey Vary { get; init; }

    public required Freshness Freshness { get; init; }

    /// <summary>It says <c>public</c> or <c>s-maxage</c>: also for requests with credentials.</summary>
    public required bool IsForEverybody { get; init; }

    /// <summary>Of the route that it was stored for, see <see cref="RouteCache"/>.</summary>
    public required int Generation { get; init; }

    public required bool IsHttps { get; init; }

    /// <summary>The same body compressed, by coding; made by the first request that wants it.</summary>
    public Variants Variants { get; private init; } = new();

    public int Bytes => OverheadBytes + Head.Buffer.Length + (Head.FieldCount * 24) + Body.Length + Vary.Bytes;

    /// <summary>The small head that says that the client's copy is good; <paramref name="varies"/>: the copy may be a compressed one.</summary>
    public ResponseHead NotModified(bool varies) =>
        varies ? _variedNotModified ??= Compressor.Rewrite(WriteNotModified(Head), Coding.Identity, -1, BodyKind.None) : _notModified ??= WriteNotModified(Head);

    /// <summary>The head in front of a body of that coding; <paramref name="length"/> -1: it is being made.</summary>
    public ResponseHead HeadFor(Coding coding, long length)
    {
        if (length < 0) return Compressor.Rewrite(Head, coding, length, BodyKind.Chunked);
        return _codedHeads[(int)coding] ??= Compressor.Rewrite(Head, coding, coding == Coding.Identity ? Body.Length : length, BodyKind.Length);
    }

    /// <summary>As yet without its body. Null when the head does not fit.</summary>
    public static StoredResponse? Of(ResponseHead head, CacheDirectives says, VaryKey vary, Freshness freshness, RouteCache route, bool isHttps, long unixSeconds)
    {
        Span<byte> bytes = new byte[SealedHead.BytesMax];
        var writer = new HeadWriter(bytes);
        SealedHead.Begin(ref writer, head.Status, head.Reason);
        writer.ForwardedFields(head, NotKept);
        if (!head.Has(KnownField.Date)) WriteDate(ref writer, unixSeconds);
        return SealedHead.End(ref writer, bytes, BodyKind.Length) is { } kept
            ? new StoredResponse(kept, []) { Vary = vary, Freshness = freshness, IsForEverybody = Storability.IsForEverybody(says), Generation = route.Generation, IsHttps = isHttps }
            : null;
    }

    /// <summary>The whole response, with the length of its body in its head.</summary>
    public StoredResponse? WithBody(ReadOnlySpan<byte> body)
    {
        Span<byte> bytes = new byte[SealedHead.BytesMax + 64];
        var writer = new HeadWriter(bytes);
        SealedHead.Begin(ref writer, Head.Status, Head.Reason);
        writer.ForwardedFields(Head, default);
        if (Head.Status != 204) writer.Field("Content-Length"u8, body.Length);
        return SealedHead.End(ref writer, bytes, BodyKind.Length) is { } whole
            ? new StoredResponse(whole, body.ToArray()) { Vary = Vary, Freshness = Freshness, IsForEverybody = IsForEverybody, Generation = Generation, IsHttps = IsHttps }
            : null;
    }

    /// <summary>With what a 304 says anew (RFC 9111 section 3.2); the body is the same. Null when the 304 is about another response.</summary>
    public StoredResponse? Freshened(ResponseHead notModified, ReceivedAt at, RouteCache route)
    {
        if (notModified.Has(KnownField.ETag) && !Conditions.SameWeakly(notModified.Value(KnownField.ETag), Head.Value(KnownField.ETag))) return null;
        Span<byte> bytes = new byte[SealedHead.BytesMax];
        var writer = new HeadWriter(bytes);
        SealedHead.Begin(ref writer, Head.Status, Head.Reason);
        for (var i = 0; i < Head.FieldCount; i++)
        {
            if (Head.Fields[i].Known == KnownField.Date || (IsReplaced(Head.NameAt(i), notModified) && Head.Fields[i].Known != KnownField.ContentLength)) continue;
            writer.Field(Head.NameAt(i), Head.ValueAt(i));
        }
        for (var i = 0; i < notModified.FieldCount; i++)
        {
            if (!notModified.Fields[i].Dropped && IsFreshening(notModified.Fields[i].Known, notModified.NameAt(i))) writer.Field(notModified.NameAt(i), notModified.ValueAt(i));
        }
        if (!notModified.Has(KnownField.Date)) WriteDate(ref writer, at.UnixSeconds);
        if (SealedHead.End(ref writer, bytes, BodyKind.Length) is not { } head) return null;
        // Its freshness is that of the stored fields as they are now, but its age is the 304's.
        var says = CacheDirectives.Of(head);
        var freshness = Freshness.Of(head, says, at, route.Config);
        if (notModified.Has(KnownField.Age) && HttpBytes.TryParseDecimal(notModified.Value(KnownField.Age), out var age)) freshness = freshness with { InitialAge = Math.Max(freshness.InitialAge, age) };
        return new StoredResponse(head, Body)
        {
            Vary = Vary,
            Freshness = freshness,
            IsForEverybody = Storability.IsForEverybody(says),
            Generation = Generation,
            IsHttps = IsHttps,
            Variants = Variants,
        };
    }

    /// <summary>The 304 that stands for a response of status 200.</summary>
    public static ResponseHead WriteNotModified(ResponseHead head)
    {
        Span<byte> bytes = new byte[SealedHead.BytesMax];
        var writer = new HeadWriter(bytes);
        SealedHead.Begin(ref writer, 304, "Not Modified"u8);
        for (var i = 0; i < head.FieldCount; i++)
        {
            if (head.Fields[i].Dropped) continue;
            if (InNotModified.Contains(head.Fields[i].Known) || System.Text.Ascii.EqualsIgnoreCase(head.NameAt(i), "Content-Location"u8)) writer.Field(head.NameAt(i), head.ValueAt(i));
        }
        return SealedHead.End(ref writer, bytes, BodyKind.None) ?? throw new InvalidOperationException("A part of a head does not fit where the whole did.");
    }

    /// <summary>The head of a part of the body, or of the refusal of one; <paramref name="varies"/>: others may get a compressed form.</summary>
    public ResponseHead WriteRange(BodyRange range, bool varies)
    {
        var whole = varies ? HeadFor(Coding.Identity, Body.Length) : Head;
        Span<byte> bytes = new byte[SealedHead.BytesMax + 128];
        var writer = new HeadWriter(bytes);
        SealedHead.Begin(ref writer, range.Status, range.Status == 206 ? "Partial Content"u8 : "Range Not Satisfiable"u8);
        for (var i = 0; i < whole.FieldCount; i++)
        {
            if (whole.Fields[i].Known != KnownField.ContentLength) writer.Field(whole.NameAt(i), whole.ValueAt(i));
        }
        writer.Write("Content-Range: bytes "u8);
        if (range.Status == 206)
        {
            writer.WriteDecimal(range.Offset);
            writer.Write((byte)'-');
            writer.WriteDecimal(range.Offset + range.Length - 1);
        }
        else
        {
            writer.Write((byte)'*');
        }
        writer.Write((byte)'/');
        writer.WriteDecimal(Body.Length);
        writer.Write("\r\n"u8);
        writer.Field("Content-Length"u8, range.Length);
        return SealedHead.End(ref writer, bytes, BodyKind.Length) ?? throw new InvalidOperationException("A head with a range does not fit.");
    }

    private static void WriteDate(ref HeadWriter writer, long unixSeconds)
    {
        Span<byte> text = stackalloc byte[HttpDate.TextBytes];
        HttpDate.Format(unixSeconds, text);
        writer.Field("Date"u8, text);
    }

    private static bool IsReplaced(ReadOnlySpan<byte> name, ResponseHead notModified)
    {
        for (var i = 0; i < notModified.FieldCount; i++)
        {
            var other = notModified.NameAt(i);
            if (name.Length == other.Length && System.Text.Ascii.EqualsIgnoreCase(name, other) && !notModified.Fields[i].Dropped && IsFreshening(notModified.Fields[i].Known, other)) return true;
        }
        return false;
    }

    /// <summary>Not what describes the body, which the 304 does not carry, nor what would be one client's.</summary>
    private static bool IsFreshening(KnownField known, ReadOnlySpan<byte> name) =>
        known is not (KnownField.ContentLength or KnownField.ContentEncoding or KnownField.ContentType or KnownField.Age or KnownField.SetCookie or KnownField.Vary)
        && !System.Text.Ascii.EqualsIgnoreCase(name, "Content-Range"u8);
}
