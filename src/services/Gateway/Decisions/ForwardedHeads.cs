using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Decisions;

/// <summary>Rebuilds heads from what was understood; both fronts send these bytes and no others.</summary>
internal static class ForwardedHeads
{
    private static readonly KnownFieldSet OwnRequestFields = KnownFieldSet.Of(KnownField.Host, KnownField.ContentLength,
        KnownField.XForwardedFor, KnownField.XForwardedProto, KnownField.XForwardedHost, KnownField.XForwardedPort, KnownField.XRealIp,
        KnownField.Forwarded, KnownField.XRequestId, KnownField.Traceparent, KnownField.XDeadlineMs);

    private static readonly KnownFieldSet OwnResponseFields = KnownFieldSet.Of(KnownField.ContentLength, KnownField.XRequestId);

    /// <summary>The head for the upstream, with its empty line.</summary>
    public static void WriteRequest(ref HeadWriter writer, RequestHead head, EdgeVerdict verdict)
    {
        var route = verdict.Route!;
        writer.Write(head.MethodName);
        writer.Write((byte)' ');
        WriteTarget(ref writer, head, verdict);
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

        var transforms = route.Config.RequestHeaders;
        var identityHeader = verdict.Snapshot!.IdentityHeader;
        for (var i = 0; i < head.FieldCount; i++)
        {
            ref var field = ref head.Fields[i];
            if (field.Dropped || OwnRequestFields.Contains(field.Known)) continue;
            var name = head.NameAt(i);
            if (name.Length == identityHeader.Length && System.Text.Ascii.EqualsIgnoreCase(name, identityHeader)) continue;
            if (!transforms.IsEmpty && transforms.Removes(name)) continue;
            if (route.Experiments.Length > 0 && Experiment.AnyOwns(route.Experiments, name)) continue;
            writer.Field(name, head.ValueAt(i));
        }
        if (!transforms.IsEmpty) transforms.Write(ref writer, verdict);
        verdict.Cache?.WriteConditions(ref writer);

        Span<byte> text = stackalloc byte[TraceContext.TextBytes];
        writer.Field("X-Forwarded-For"u8, text[..verdict.Client.Format(text)]);
        writer.Write(verdict.IsHttps ? "X-Forwarded-Proto: https\r\n"u8 : "X-Forwarded-Proto: http\r\n"u8);
        if (head.Authority.Length > 0) writer.Field("X-Forwarded-Host"u8, head.Authority);
        if (verdict.Identity is not null) writer.Field(identityHeader, verdict.User);
        foreach (var experiment in route.Experiments) writer.Write(experiment.FieldFor(verdict.Subject));
        if (verdict.RemainingMilliseconds > 0) writer.Field("X-Deadline-Ms"u8, verdict.RemainingMilliseconds);
        else writer.Write(route.DeadlineField);
        verdict.Trace.Format(text);
        writer.Field("Traceparent"u8, text);
        writer.Field("X-Request-Id"u8, text.Slice(3, TraceContext.TraceIdBytes));
        writer.Write("\r\n"u8);
    }

    /// <summary>The head for the client, with its empty line. <paramref name="body"/> is how the body leaves us, not how it came.</summary>
    public static void WriteResponse(ref HeadWriter writer, ResponseHead head, EdgeVerdict verdict, BodyKind body, bool keepAlive, bool clientIsHttp10)
    {
        writer.Write("HTTP/1.1 "u8);
        writer.WriteDecimal(head.Status);
        writer.Write((byte)' ');
        writer.Write(head.Reason);
        writer.Write("\r\n"u8);
        var transforms = verdict.Route!.Config.ResponseHeaders;
        var hasCors = verdict.Route.Cors is not null; // then the route decides, and not the upstream too
        for (var i = 0; i < head.FieldCount; i++)
        {
            ref var field = ref head.Fields[i];
            if (field.Dropped || OwnResponseFields.Contains(field.Known) || (!transforms.IsEmpty && transforms.Removes(head.NameAt(i)))
                || (hasCors && System.Text.Ascii.EqualsIgnoreCase(head.NameAt(i)[..Math.Min(21, head.NameAt(i).Length)], "Access-Control-Allow-"u8))) continue;
            writer.Field(head.NameAt(i), head.ValueAt(i));
        }
        // For HEAD and 304 the length is that of the body that is not there.
        if (body == BodyKind.Chunked) writer.Write("Transfer-Encoding: chunked\r\n"u8);
        else if (head.Has(KnownField.ContentLength) && head.Status >= 200 && head.Status != 204) writer.Field("Content-Length"u8, head.ContentLength);
        if (!head.IsInterim && !head.IsSwitching)
        {
            if (!transforms.IsEmpty) transforms.Write(ref writer, verdict);
            if (verdict.SetSticky) WriteSticky(ref writer, verdict);
            if (verdict.SetSubject) Experiment.WriteCookie(ref writer, verdict);
            WriteOwn(ref writer, verdict, keepAlive, clientIsHttp10);
        }
        if (head.IsSwitching) writer.Write("Connection: Upgrade\r\nUpgrade: websocket\r\n"u8);
        writer.Write("\r\n"u8);
    }

    /// <summary>What every final reply of ours carries, forwarded or made here.</summary>
    public static void WriteOwn(ref HeadWriter writer, EdgeVerdict verdict, bool keepAlive, bool clientIsHttp10)
    {
        Span<byte> text = stackalloc byte[160];
        verdict.Trace.FormatTraceId(text);
        writer.Field("X-Request-Id"u8, text[..TraceContext.TraceIdBytes]);
        if (verdict.Route?.Cors is { } cors)
        {
            cors.Write(ref writer, verdict);
            writer.Write("Vary: Origin\r\n"u8);
        }
        if (verdict.Limit is { } limit)
        {
            writer.Field("RateLimit-Policy"u8, limit.PolicyField);
            if (Resilience.Limits.RateLimitFields.TryFormatLimit(limit.Policy, verdict.LimitDecision, default, text, out var written)) writer.Field("RateLimit"u8, text[..written]);
        }
        if (verdict.Snapshot is { Config.SecurityHeaders: true })
        {
            writer.Write("X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: strict-origin-when-cross-origin\r\n"u8);
            if (verdict.IsHttps) writer.Write("Strict-Transport-Security: max-age=31536000\r\n"u8);
        }
        verdict.Cache?.WriteFields(ref writer);
        if (!keepAlive) writer.Write("Connection: close\r\n"u8);
        else if (clientIsHttp10) writer.Write("Connection: keep-alive\r\n"u8);
    }

    private static void WriteTarget(ref HeadWriter writer, RequestHead head, EdgeVerdict verdict)
    {
        var config = verdict.Route!.Config;
        if (config.Rewrite is { } rewrite) rewrite.Write(ref writer, head.Path, ref verdict.Captures);
        else writer.Write(head.Path);
        if (!config.QueryParameters.IsEmpty)
        {
            config.QueryParameters.Write(ref writer, head.Query);
            return;
        }
        if (!head.HasQuery) return;
        writer.Write((byte)'?');
        writer.Write(head.Query);
    }

    private static void WriteSticky(ref HeadWriter writer, EdgeVerdict verdict)
    {
        if (verdict.Target is not { } target) return;
        writer.Write("Set-Cookie: "u8);
        writer.Write(verdict.Route!.StickyCookie);
        writer.Write((byte)'=');
        Span<byte> hash = stackalloc byte[16];
        System.Buffers.Text.Utf8Formatter.TryFormat(target.Endpoint.Hash, hash, out _, new('x', 16));
        writer.Write(hash);
        writer.Write(verdict.IsHttps ? "; Path=/; HttpOnly; SameSite=Lax; Secure\r\n"u8 : "; Path=/; HttpOnly; SameSite=Lax\r\n"u8);
    }
}
