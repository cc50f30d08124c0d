using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Kestrel;

/// <summary>Puts heads and problems that the shared writers made into a response of ASP.NET Core, which frames them for its protocol.</summary>
internal static class ContextReply
{
    /// <summary><paramref name="head"/> was written by <see cref="ForwardedHeads"/> or <see cref="ProblemReply"/>, and read back.</summary>
    public static void Apply(HttpResponse response, ResponseHead head)
    {
        response.StatusCode = head.Status;
        // The usual reason is the server's own.
        if (head.Reason.Length > 0 && !Ascii.Equals(head.Reason, ReasonPhrases.GetReasonPhrase(head.Status)) && response.HttpContext.Features.Get<IHttpResponseFeature>() is { } feature)
            feature.ReasonPhrase = Encoding.Latin1.GetString(head.Reason);
        for (var i = 0; i < head.FieldCount; i++)
        {
            if (KnownFields.IsHopByHop(head.Fields[i].Known)) continue;
            var known = head.Fields[i].Known;
            response.Headers.Append(known == KnownField.None ? Encoding.Latin1.GetString(head.NameAt(i)) : KnownFields.Text(known), Encoding.Latin1.GetString(head.ValueAt(i)));
        }
    }

    /// <summary>Answers with the verdict's refusal; the connection closes when the request's body was not read.</summary>
    public static async Task WriteProblemAsync(HttpContext context, EdgeVerdict verdict, CancellationToken cancellationToken)
    {
        var bytes = new byte[ProblemReply.BytesMax];
        var (headLength, length) = Write(bytes, verdict);
        var head = new ResponseHead();
        if (ResponseParser.Parse(bytes, 0, headLength, HeadLimits.Default, head, toHead: false, upgradeAsked: false) != ParseStatus.Complete)
            throw new InvalidOperationException($"The gateway's own reply is malformed: {head.Refusal}.");
        Apply(context.Response, head);
        await context.Response.Body.WriteAsync(bytes.AsMemory(headLength, length - headLength), cancellationToken);
    }

    private static (int Head, int Length) Write(byte[] bytes, EdgeVerdict verdict)
    {
        var writer = new HeadWriter(bytes);
        ProblemReply.Write(ref writer, verdict, keepAlive: true, clientIsHttp10: false, toHead: false);
        return (bytes.AsSpan(0, writer.Length).IndexOf("\r\n\r\n"u8) + 4, writer.Length);
    }
}
