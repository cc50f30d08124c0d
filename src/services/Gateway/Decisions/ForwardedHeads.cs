using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Decisions;

/// <summary>Rebuilds heads from what was understood; both fronts send these bytes and no others.</summary>
internal static class ForwardedHeads
{
    private static readonly KnownFieldSet OwnRequestFields = KnownFieldSet.Of(KnownField.Host, KnownField.ContentLength,
        KnownField.XForwardedFor, KnownField.XForwardedProto, KnownField.XForwardedHost, KnownField.XForwardedPort, KnownField.XRealIp,
        KnownField.Forwarded, KnownField.XRequestId, KnownField.Traceparent);

    private static readonly KnownFieldSet OwnResponseFields = KnownFieldSet.Of(KnownField.ContentLength, KnownField.XRequestId);

    /// <summary>The head for the upstream, with its empty line.</summary>
    public static void WriteRequest(ref HeadWriter writer, RequestHead head, Verdict verdict)
    {
        writer.Write(head.MethodName);
        writer.Write((byte)' ');
        writer.Write(head.Path);
        if (head.HasQuery)
        {
            writer.Write((byte)'?');
            writer.Write(head.Query);
        }
        writer.Write(" HTTP/1.1\r\nHost: "u8);
        writer.Write(head.Authority);
        writer.Write("\r\n"u8);
        switch (head.Body)
        {
            case BodyKind.Length:
                writer.Field("Content-Length"u8, head.ContentLength);
                break;
            case BodyKind.Chunked:
                writer.Write("Transfer-Encoding: chunked\r\n"u8);
                break;
        }
        if (head.ExpectContinue) writer.Write("Expect: 100-continue\r\n"u8);
        if (head.Upgrade) writer.Write("Connection: Upgrade\r\nUpgrade: websocket\r\n"u8);
        writer.ForwardedFields(head, OwnRequestFields);

        Span<byte> text = stackalloc byte[TraceContext.TextBytes];
        writer.Field("X-Forwarded-For"u8, text[..verdict.Client.Format(text)]);
        writer.Write("X-Forwarded-Proto: http\r\n"u8);
        if (head.Authority.Length > 0) writer.Field("X-Forwarded-Host"u8, head.Authority);
        verdict.Trace.Format(text);
        writer.Field("Traceparent"u8, text);
        writer.Field("X-Request-Id"u8, text.Slice(3, TraceContext.TraceIdBytes));
        writer.Write("\r\n"u8);
    }

    /// <summary>The head for the client, with its empty line. <paramref name="body"/> is how the body leaves us, not how it came.</summary>
    public static void WriteResponse(ref HeadWriter writer, ResponseHead head, Verdict verdict, BodyKind body, bool keepAlive, bool clientIsHttp10)
    {
        writer.Write("HTTP/1.1 "u8);
        writer.WriteDecimal(head.Status);
        writer.Write((byte)' ');
        writer.Write(head.Reason);
        writer.Write("\r\n"u8);
        writer.ForwardedFields(head, OwnResponseFields);
        // For HEAD and 304 the length is that of the body that is not there.
        if (body == BodyKind.Chunked) writer.Write("Transfer-Encoding: chunked\r\n"u8);
        else if (head.Has(KnownField.ContentLength) && head.Status >= 200 && head.Status != 204) writer.Field("Content-Length"u8, head.ContentLength);
        if (!head.IsInterim && !head.IsSwitching) WriteOwn(ref writer, verdict, keepAlive, clientIsHttp10);
        if (head.IsSwitching) writer.Write("Connection: Upgrade\r\nUpgrade: websocket\r\n"u8);
        writer.Write("\r\n"u8);
    }

    /// <summary>What every final reply of ours carries, forwarded or made here.</summary>
    public static void WriteOwn(ref HeadWriter writer, Verdict verdict, bool keepAlive, bool clientIsHttp10)
    {
        Span<byte> requestId = stackalloc byte[TraceContext.TraceIdBytes];
        verdict.Trace.FormatTraceId(requestId);
        writer.Field("X-Request-Id"u8, requestId);
        if (!keepAlive) writer.Write("Connection: close\r\n"u8);
        else if (clientIsHttp10) writer.Write("Connection: keep-alive\r\n"u8);
    }
}
