using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Decisions;

/// <summary>Writes the gateway's own answers: a refusal as an RFC 9457 problem document, or 204 to a preflight.</summary>
internal static class ProblemReply
{
    /// <summary>Bytes that every problem of ours fits into.</summary>
    public const int BytesMax = 2048;

    public static void Write(ref HeadWriter writer, EdgeVerdict verdict, bool keepAlive, bool clientIsHttp10, bool toHead)
    {
        if (verdict.Status == 204)
        {
            writer.Write("HTTP/1.1 204 No Content\r\n"u8);
            ForwardedHeads.WriteOwn(ref writer, verdict, keepAlive, clientIsHttp10);
            writer.Write("\r\n"u8);
            return;
        }
        Span<byte> body = stackalloc byte[1024];
        var json = new HeadWriter(body);
        WriteBody(ref json, verdict);

        writer.Write("HTTP/1.1 "u8);
        writer.WriteDecimal(verdict.Status);
        writer.Write((byte)' ');
        writer.Write(StatusPhrases.Of(verdict.Status));
        writer.Write("\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n"u8);
        writer.Field("Content-Length"u8, json.Length);
        if (verdict.RetryAfter > 0) writer.Field("Retry-After"u8, verdict.RetryAfter);
        if (verdict.Status == 401) writer.Write("WWW-Authenticate: Bearer\r\n"u8);
        ForwardedHeads.WriteOwn(ref writer, verdict, keepAlive, clientIsHttp10);
        writer.Write("\r\n"u8);
        if (!toHead) writer.Write(body[..json.Length]);
    }

    public static void WriteBody(ref HeadWriter json, EdgeVerdict verdict)
    {
        Span<byte> traceId = stackalloc byte[TraceContext.TraceIdBytes];
        verdict.Trace.FormatTraceId(traceId);
        json.Write("{\"type\":\"about:blank\",\"title\":\""u8);
        json.Write(StatusPhrases.Of(verdict.Status));
        json.Write("\",\"status\":"u8);
        json.WriteDecimal(verdict.Status);
        json.Write(",\"detail\":"u8);
        WriteString(ref json, verdict.Detail);
        json.Write(",\"code\":"u8);
        WriteString(ref json, verdict.Code);
        json.Write(",\"traceId\":\""u8);
        json.Write(traceId);
        json.Write("\"}"u8);
    }

    /// <summary>Codes and details are our own ASCII sentences, so only the two characters that JSON reserves are looked at.</summary>
    private static void WriteString(ref HeadWriter json, string text)
    {
        json.Write((byte)'"');
        foreach (var letter in text)
        {
            if (letter is '"' or '\\') json.Write((byte)'\\');
            json.Write(letter is >= ' ' and < (char)127 ? (byte)letter : (byte)'?');
        }
        json.Write((byte)'"');
    }
}

/// <summary>Reason phrases of the statuses that the gateway itself answers.</summary>
internal static class StatusPhrases
{
    public static ReadOnlySpan<byte> Of(int status) => status switch
    {
        200 => "OK"u8,
        204 => "No Content"u8,
        304 => "Not Modified"u8,
        400 => "Bad Request"u8,
        401 => "Unauthorized"u8,
        403 => "Forbidden"u8,
        404 => "Not Found"u8,
        405 => "Method Not Allowed"u8,
        408 => "Request Timeout"u8,
        413 => "Content Too Large"u8,
        414 => "URI Too Long"u8,
        417 => "Expectation Failed"u8,
        429 => "Too Many Requests"u8,
        431 => "Request Header Fields Too Large"u8,
        500 => "Internal Server Error"u8,
        501 => "Not Implemented"u8,
        502 => "Bad Gateway"u8,
        503 => "Service Unavailable"u8,
        504 => "Gateway Timeout"u8,
        505 => "HTTP Version Not Supported"u8,
        _ => "Status"u8,
    };
}
