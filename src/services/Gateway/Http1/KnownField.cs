using System.Text;

namespace SkyRiff.Gateway.Http1;

/// <summary>Fields that the gateway itself understands; everything else is carried as bytes.</summary>
internal enum KnownField : byte
{
    None,
    Host,
    ContentLength,
    TransferEncoding,
    Connection,
    KeepAlive,
    ProxyConnection,
    ProxyAuthenticate,
    ProxyAuthorization,
    Te,
    Trailer,
    Upgrade,
    Http2Settings,
    Expect,
    Authorization,
    ContentType,
    Cookie,
    Forwarded,
    XForwardedFor,
    XForwardedProto,
    XForwardedHost,
    XForwardedPort,
    XRealIp,
    XRequestId,
    Traceparent,
    Tracestate,
    CacheControl,
    AcceptEncoding,
    ContentEncoding,
    Origin,
    Range,
    Date,
    Server,
    Vary,
    ETag,
    LastModified,
    Age,
    Expires,
    SetCookie,
    UserAgent,
    XApiKey,
    XDeadlineMs,
    Count,
}

internal static class KnownFields
{
    private static readonly string[] Texts = [.. Enum.GetValues<KnownField>().Select(NameOf)];
    private static readonly byte[][] Names = [.. Texts.Select(Encoding.ASCII.GetBytes)];

    // One bucket per (length, first letter): nearly always a single candidate, so a look-up is one comparison.
    private static readonly KnownField[][] Buckets = BuildBuckets();

    private const int LengthMax = 32;

    public static ReadOnlySpan<byte> Name(KnownField field) => Names[(int)field];

    public static string Text(KnownField field) => Texts[(int)field];

    public static KnownField Find(ReadOnlySpan<byte> name)
    {
        if ((uint)(name.Length - 1) >= LengthMax) return KnownField.None;
        var candidates = Buckets[Bucket(name.Length, name[0])];
        if (candidates is null) return KnownField.None;
        foreach (var candidate in candidates)
        {
            if (Ascii.EqualsIgnoreCase(name, Names[(int)candidate])) return candidate;
        }
        return KnownField.None;
    }

    /// <summary>Fields that are about one connection (RFC 9110 section 7.6.1) and are never forwarded as they came.</summary>
    public static bool IsHopByHop(KnownField field) => field is KnownField.Connection or KnownField.KeepAlive or KnownField.ProxyConnection
        or KnownField.ProxyAuthenticate or KnownField.ProxyAuthorization or KnownField.Te or KnownField.Trailer or KnownField.Upgrade
        or KnownField.TransferEncoding or KnownField.Http2Settings;

    /// <summary>What a <c>Connection</c> option must not name: removing it would change who is asked for what, by whom.</summary>
    public static bool IsEndToEnd(KnownField field) => field is KnownField.Host or KnownField.ContentLength or KnownField.ContentType
        or KnownField.Authorization or KnownField.Cookie or KnownField.CacheControl or KnownField.Forwarded or KnownField.XForwardedFor
        or KnownField.XForwardedProto or KnownField.XForwardedHost or KnownField.XForwardedPort or KnownField.XRealIp or KnownField.XApiKey
        or KnownField.Expect or KnownField.Range or KnownField.Origin or KnownField.SetCookie or KnownField.ContentEncoding
        or KnownField.Date or KnownField.Vary or KnownField.TransferEncoding or KnownField.Trailer;

    /// <summary>What a trailer must not hold (RFC 9110 section 6.5.1): framing, routing, credentials, content handling.</summary>
    public static bool IsForbiddenInTrailer(KnownField field) =>
        field is not (KnownField.None or KnownField.ETag or KnownField.XRequestId or KnownField.Server or KnownField.UserAgent);

    private static int Bucket(int length, byte first) => (length * 32) + (first & 0x1F);

    private static KnownField[][] BuildBuckets()
    {
        var buckets = new KnownField[(LengthMax + 1) * 32][];
        foreach (var group in Enum.GetValues<KnownField>().Where(f => f is not (KnownField.None or KnownField.Count))
            .GroupBy(f => Bucket(NameOf(f).Length, (byte)NameOf(f)[0])))
        {
            buckets[group.Key] = [.. group];
        }
        return buckets;
    }

    private static string NameOf(KnownField field)
    {
        if (field is KnownField.None or KnownField.Count) return "";
        if (field is KnownField.ETag) return "ETag";
        if (field is KnownField.Te) return "TE";
        if (field is KnownField.Http2Settings) return "HTTP2-Settings";
        var text = new StringBuilder();
        foreach (var letter in field.ToString())
        {
            if (char.IsAsciiLetterUpper(letter) && text.Length > 0) text.Append('-');
            text.Append(letter);
        }
        return text.ToString();
    }
}
