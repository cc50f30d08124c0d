using SkyRiff.Gateway.Compression;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>
/// How a stored response answers one request: whole, a part, or "not modified"; as it is, in a compressed form that is there, or compressed on its way by
/// <paramref name="Encoder"/>, which the caller then owns.
/// </summary>
internal readonly record struct StoredReply(ResponseHead Head, byte[] Body, int Offset, int Length, Coding Coding = Coding.Identity, BodyEncoder? Encoder = null)
{
    private static readonly byte[] NoBody = [];

    public static StoredReply Of(StoredResponse stored, RequestHead request, Compressor? compressor)
    {
        var isCompressible = compressor?.IsCompressible(stored.Head) == true;
        if (stored.Head.Status == 200 && Conditions.IsNotModified(request, stored.Head)) return new(stored.NotModified(isCompressible), NoBody, 0, 0);
        if (request.Has(KnownField.Range))
        {
            var range = Conditions.RangeOf(request, stored.Head, stored.Body.Length);
            if (range.Status is 206 or 416) return new(stored.WriteRange(range, isCompressible), stored.Body, range.Offset, range.Length);
        }
        var isToHead = request.Method == MethodKind.Head;
        var coding = compressor?.Choose(request, stored.Head) ?? Coding.Identity;
        if (coding != Coding.Identity)
        {
            if (stored.Variants.Of(coding) is { } made) return new(stored.HeadFor(coding, made.Length), made, 0, isToHead ? 0 : made.Length);
            if (isToHead) return new(stored.HeadFor(coding, -1), NoBody, 0, 0);
            if (BodyEncoder.TryBegin(compressor!, coding) is { } encoder) return new(stored.HeadFor(coding, -1), stored.Body, 0, stored.Body.Length, coding, encoder);
        }
        return new(isCompressible ? stored.HeadFor(Coding.Identity, stored.Body.Length) : stored.Head, stored.Body, 0, isToHead ? 0 : stored.Body.Length);
    }
}
