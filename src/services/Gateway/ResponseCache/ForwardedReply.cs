using SkyRiff.Gateway.Compression;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>
/// How an upstream's response leaves on a route that caches or compresses. Without a pipe the body passes as it comes; otherwise the caller owns the pipe.
/// </summary>
internal readonly record struct ForwardedReply(ResponseHead Head, BodyPipe? Pipe, Coding Coding)
{
    /// <summary>After <see cref="CacheCall.OnResponse"/> has said that it is to be forwarded.</summary>
    public static ForwardedReply Of(ResponseHead head, RequestHead request, CacheCall? cache, Compressor? compressor)
    {
        if (cache?.IsNotModified(head, request) == true)
        {
            var small = StoredResponse.WriteNotModified(head);
            if (compressor?.IsCompressible(head) == true) small = Compressor.Rewrite(small, Coding.Identity, -1, BodyKind.None);
            return new(small, new BodyPipe(cache.Capture, null, null, isMuted: true), Coding.Identity);
        }
        BodyEncoder? encoder = null;
        var coding = Coding.Identity;
        var sent = head;
        if (compressor is not null)
        {
            coding = compressor.Choose(request, head);
            if (coding != Coding.Identity && head.Body != BodyKind.None)
            {
                encoder = BodyEncoder.TryBegin(compressor, coding);
                if (encoder is null) coding = Coding.Identity;
            }
            // A 304 does not say of what type its response is: its tag is weakened as that of the response may have been.
            if (coding != Coding.Identity || head.Status == 304 || compressor.IsCompressible(head))
                sent = Compressor.Rewrite(head, coding, -1, coding != Coding.Identity && encoder is not null ? BodyKind.Chunked : head.Body);
        }
        var capture = cache?.Capture;
        var pipe = capture is null && encoder is null ? null : new BodyPipe(capture, encoder, encoder is null ? null : cache?.CaptureEncoded());
        return new(sent, pipe, coding);
    }
}
