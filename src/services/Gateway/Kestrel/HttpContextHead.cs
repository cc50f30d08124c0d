using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Kestrel;

/// <summary>
/// A request of ASP.NET Core in our own form: it is written down as HTTP/1.1 and read again by the strict core. So both fronts decide about the same thing, and
/// what the server's parser let through (control characters, names that are no tokens, odd framing) is refused here. Also the edge inside a program.
/// </summary>
internal sealed class HttpContextHead
{
    private const int BufferBytes = 40 * 1024;

    /// <summary>An ordinary head; a longer one gets the large buffer.</summary>
    private const int SmallBufferBytes = 4 * 1024;

    private byte[] _buffer = new byte[SmallBufferBytes];

    public RequestHead Head { get; } = new();

    /// <summary>Reads the request; <see cref="Refusal.None"/> when it was understood.</summary>
    public Refusal Read(HttpContext context, HeadLimits limits)
    {
        var refusal = Write(context, out var length);
        if (refusal == Refusal.HeadTooLarge && _buffer.Length < BufferBytes)
        {
            _buffer = new byte[BufferBytes];
            refusal = Write(context, out length);
        }
        if (refusal != Refusal.None) return refusal;
        return RequestParser.Parse(_buffer, 0, length, limits, Head) switch
        {
            ParseStatus.Complete => Refusal.None,
            ParseStatus.Refused => Head.Refusal,
            _ => Refusal.RequestLineMalformed,
        };
    }

    public static PeerAddress PeerOf(HttpContext context)
    {
        Span<byte> bytes = stackalloc byte[16];
        return context.Connection.RemoteIpAddress is { } address && address.TryWriteBytes(bytes, out var length) ? PeerAddress.Of(bytes[..length]) : default;
    }

    private Refusal Write(HttpContext context, out int length)
    {
        length = 0;
        var request = context.Request;
        var isHttp1 = request.Protocol.StartsWith("HTTP/1", StringComparison.Ordinal);
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "/";
        var writer = new HeadWriter(_buffer);
        if (!TryText(ref writer, request.Method) || !TryText(ref writer, " ") || !TryText(ref writer, target)) return Refusal.ControlCharacter;
        writer.Write(request.Protocol == "HTTP/1.0" ? " HTTP/1.0\r\n"u8 : " HTTP/1.1\r\n"u8);
        foreach (var (name, values) in request.Headers)
        {
            if (name.StartsWith(':')) continue; // HTTP/2 pseudo fields: method, path and authority come from elsewhere
            if (!isHttp1 && IsConnectionField(name)) return Refusal.ConnectionInvalid; // RFC 9113 section 8.2.2
            foreach (var value in values)
            {
                if (!TryText(ref writer, name) || !TryText(ref writer, ": ") || !TryText(ref writer, value ?? "")) return Refusal.ControlCharacter;
                writer.Write("\r\n"u8);
            }
        }
        // Kestrel moves Content-Length aside when Transfer-Encoding is there too.
        if (isHttp1 && request.Headers.TransferEncoding.Count > 0 && request.Headers.ContainsKey("X-Content-Length")) return Refusal.ContentLengthWithTransferEncoding;
        if (!isHttp1 && request.ContentLength is null && context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true)
            writer.Write("Transfer-Encoding: chunked\r\n"u8);
        writer.Write("\r\n"u8);
        length = writer.Length;
        return writer.Overflowed ? Refusal.HeadTooLarge : Refusal.None;
    }

    private static bool IsConnectionField(string name) =>
        name.Equals("Connection", StringComparison.OrdinalIgnoreCase) || name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)
        || name.Equals("Keep-Alive", StringComparison.OrdinalIgnoreCase) || name.Equals("Proxy-Connection", StringComparison.OrdinalIgnoreCase) || name.Equals("Upgrade", StringComparison.OrdinalIgnoreCase);

    /// <summary>Bytes as they came (the server reads fields as Latin-1); false for what could end a line.</summary>
    private static bool TryText(ref HeadWriter writer, string text)
    {
        if (text.AsSpan().ContainsAny('\r', '\n', '\0')) return false;
        Span<byte> bytes = stackalloc byte[256];
        for (var at = 0; at < text.Length;)
        {
            var part = text.AsSpan(at, Math.Min(bytes.Length, text.Length - at));
            foreach (var character in part)
            {
                if (character > 255) return false;
            }
            writer.Write(bytes[..Encoding.Latin1.GetBytes(part, bytes)]);
            at += part.Length;
        }
        return true;
    }
}
