using SkyRiff.Gateway.Http1;

namespace SkyRiff.Services.Tests.Gateway.Http1;

/// <summary>
/// Reads a whole byte stream with the core, as a front does: head, body, next head. <c>pieces</c> says how the body bytes are cut, which must
/// never matter.
/// </summary>
internal static class MessageStream
{
    public static string ReadRequests(byte[] bytes, int pieces = int.MaxValue)
    {
        var head = new RequestHead();
        var at = 0;
        var count = 0;
        while (true)
        {
            var status = RequestParser.Parse(bytes, at, bytes.Length, HeadLimits.Default, head);
            if (status == ParseStatus.Refused) return "refuse " + Refusals.CodeOf(head.Refusal);
            if (status == ParseStatus.Incomplete) return count > 0 && at == bytes.Length ? $"accept {count}" : "wait";
            at += head.Length;
            if (!ReadBody(head, bytes, ref at, pieces, out var verdict)) return verdict;
            count++;
        }
    }

    public static string ReadResponse(byte[] bytes, int pieces = int.MaxValue)
    {
        var head = new ResponseHead();
        var status = ResponseParser.Parse(bytes, 0, bytes.Length, HeadLimits.Default, head, toHead: false, upgradeAsked: false);
        if (status == ParseStatus.Refused) return "refuse " + Refusals.CodeOf(head.Refusal);
        if (status == ParseStatus.Incomplete) return "wait";
        var at = head.Length;
        if (head.Body != BodyKind.UntilClose && !ReadBody(head, bytes, ref at, pieces, out var verdict)) return verdict;
        return head.Body switch
        {
            BodyKind.None => "accept none",
            BodyKind.Length => "accept length",
            BodyKind.Chunked => "accept chunked",
            _ => "accept close",
        };
    }

    private static bool ReadBody(MessageHead head, byte[] bytes, ref int at, int pieces, out string verdict)
    {
        verdict = "wait";
        if (head.Body == BodyKind.Length)
        {
            if (bytes.Length - at < head.ContentLength) return false;
            at += (int)head.ContentLength;
        }
        if (head.Body != BodyKind.Chunked) return true;

        var decoder = new ChunkedDecoder(HeadLimits.Default);
        while (true)
        {
            var input = bytes.AsSpan(at, Math.Min(pieces, bytes.Length - at));
            var step = decoder.Next(input, out var consumed, out _, out _);
            at += consumed;
            if (step == ChunkStep.Complete) return true;
            if (step == ChunkStep.Refused)
            {
                verdict = "refuse " + Refusals.CodeOf(decoder.Refusal);
                return false;
            }
            if (step == ChunkStep.NeedMore && at >= bytes.Length) return false;
        }
    }
}
