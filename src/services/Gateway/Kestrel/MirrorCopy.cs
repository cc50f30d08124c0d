using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Kestrel;

/// <summary>Gathers a request for a mirror while it passes; offered when its body has passed whole, and given up when that is too large.</summary>
internal sealed class MirrorCopy
{
    private const int HeadBytes = 64 * 1024;

    private readonly Mirror _mirror;
    private readonly ForwardedCall _call;
    private readonly byte[] _head;
    private readonly int _headLength;
    private readonly MemoryStream _body = new();
    private bool _isOver;

    private MirrorCopy(Mirror mirror, ForwardedCall call, byte[] head, int headLength) => (_mirror, _call, _head, _headLength) = (mirror, call, head, headLength);

    /// <summary>Null when the route has no mirror, or it does not take this request.</summary>
    public static MirrorCopy? Begin(ForwardedCall call)
    {
        if (call.Verdict.Route?.Mirror is not { } mirror || call.Head.Upgrade || !mirror.Takes(call.Verdict.Trace)) return null;
        if (call.Head.Body == BodyKind.Length && call.Head.ContentLength > mirror.Config.BodyBytesMax)
        {
            mirror.Skip();
            return null;
        }
        var bytes = new byte[HeadBytes];
        var writer = new HeadWriter(bytes);
        ForwardedHeads.WriteRequest(ref writer, call.Head, call.Verdict);
        if (writer.Overflowed) return null;
        var copy = new MirrorCopy(mirror, call, bytes, writer.Length);
        if (call.Head.Body == BodyKind.None) copy.End();
        return copy;
    }

    public void Add(ReadOnlySpan<byte> part)
    {
        if (_isOver) return;
        if (_body.Length + part.Length <= _mirror.Config.BodyBytesMax)
        {
            _body.Write(part);
            return;
        }
        _isOver = true;
        _mirror.Skip();
    }

    /// <summary>The body is whole.</summary>
    public void End()
    {
        if (_isOver) return;
        _isOver = true;
        var body = _body.GetBuffer().AsSpan(0, (int)_body.Length);
        if (_call.Head.Body == BodyKind.Chunked)
        {
            var bytes = new byte[body.Length + 32];
            var framed = new HeadWriter(bytes);
            if (body.Length > 0)
            {
                framed.WriteHex(body.Length);
                framed.Write("\r\n"u8);
                framed.Write(body);
                framed.Write("\r\n"u8);
            }
            framed.Write("0\r\n\r\n"u8);
            _mirror.Offer(_head.AsSpan(0, _headLength), bytes.AsSpan(0, framed.Length), _call.Verdict.HashKey, isHead: false);
            return;
        }
        _mirror.Offer(_head.AsSpan(0, _headLength), body, _call.Verdict.HashKey, _call.Head.Method == MethodKind.Head);
    }
}
