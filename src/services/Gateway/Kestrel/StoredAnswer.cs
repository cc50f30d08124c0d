using System.Buffers;
using System.IO.Pipelines;
using SkyRiff.Gateway.Compression;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.ResponseCache;

namespace SkyRiff.Gateway.Kestrel;

/// <summary>Answers from the cache, and waits for another request's response.</summary>
internal static class StoredAnswer
{
    /// <summary>True when it was answered; otherwise the request goes to its cluster, or the verdict says what the client gets.</summary>
    public static async Task<bool> TryAsync(ForwardedCall call, Func<EdgeTime> now, TimeProvider time)
    {
        var cache = call.Verdict.Cache!;
        while (cache.Step == CacheStep.Wait)
        {
            var gaveUp = !await TryWaitAsync(cache, time, call.Aborted);
            cache.LookAgain(call.Head, call.Verdict, now().Nanoseconds, gaveUp);
            EdgeSnapshot.EnterBehindCache(call.Head, call.Verdict, now().Nanoseconds);
        }
        if (call.Verdict.Status != 0 || cache.Step != CacheStep.Serve) return false;
        await WriteAsync(call);
        return true;
    }

    public static async Task WriteAsync(ForwardedCall call)
    {
        var reply = StoredReply.Of(call.Verdict.Cache!.Stored!, call.Head, call.Verdict.Route!.Compressor);
        call.Status = reply.Head.Status;
        ContextReply.Apply(call.Context.Response, Rewritten(reply, call.Verdict, call.Workspace));
        if (reply.Encoder is not { } encoder)
        {
            await call.Context.Response.Body.WriteAsync(reply.Body.AsMemory(reply.Offset, reply.Length), call.Aborted);
            call.BytesOut = reply.Length;
            return;
        }
        using var pipe = new BodyPipe(null, encoder, call.Verdict.Cache.CaptureEncoded());
        var output = call.Context.Response.BodyWriter;
        for (var at = reply.Offset; at < reply.Offset + reply.Length; at += BodyPipe.PieceBytes)
        {
            call.BytesOut += Pass(pipe, reply, at, output);
            if ((await output.FlushAsync(call.Aborted)).IsCompleted) throw new OperationCanceledException("The client left.");
        }
        call.Verdict.Cache.OnBodyComplete(pipe, reply.Coding);
    }

    private static async Task<bool> TryWaitAsync(CacheCall cache, TimeProvider time, CancellationToken cancellationToken)
    {
        var flight = cache.Flight!;
        var woken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Action wake = () => woken.TrySetResult();
        if (!flight.TryWait(wake, cache.WaitersMax)) return true; // over: look again at once
        try
        {
            await woken.Task.WaitAsync(cache.WaitMax, time, cancellationToken);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
        finally
        {
            flight.StopWaiting(wake);
        }
    }

    private static ResponseHead Rewritten(StoredReply reply, EdgeVerdict verdict, byte[] bytes)
    {
        var writer = new HeadWriter(bytes);
        ForwardedHeads.WriteResponse(ref writer, reply.Head, verdict, BodyKind.Length, keepAlive: true, clientIsHttp10: false);
        var head = new ResponseHead(254);
        var limits = HeadLimits.Default with { HeadBytesMax = ushort.MaxValue, FieldCountMax = 254 };
        if (writer.Overflowed || ResponseParser.Parse(bytes, 0, writer.Length, limits, head, toHead: true, upgradeAsked: false) != ParseStatus.Complete)
            throw new IOException("The stored head is too large with what is added to it.");
        return head;
    }

    private static int Pass(BodyPipe pipe, StoredReply reply, int at, PipeWriter output)
    {
        var end = reply.Offset + reply.Length;
        var count = Math.Min(BodyPipe.PieceBytes, end - at);
        var leaving = pipe.Pass(reply.Body.AsSpan(at, count), flush: false, isLast: at + count == end);
        if (leaving.Length > 0) output.Write(leaving); // an empty write is an error where no body may be
        return leaving.Length;
    }
}
