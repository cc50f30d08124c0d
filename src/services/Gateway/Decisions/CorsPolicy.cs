using System.Text;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Decisions;

/// <summary>
/// Cross-origin rules of one route (the Fetch standard): which web origins may read its answers. Preflights are answered here and never forwarded; an
/// origin that is not on the list gets no fields, which is how a browser is told no.
/// </summary>
internal sealed class CorsPolicy(CorsConfig config)
{
    private readonly byte[][] _origins = [.. config.Origins.Where(o => o != "*").Select(Encoding.ASCII.GetBytes)];
    private readonly bool _anyOrigin = config.Origins.Contains("*");
    private readonly byte[] _methods = Encoding.ASCII.GetBytes(string.Join(", ", config.Methods));
    private readonly byte[] _headers = Encoding.ASCII.GetBytes(string.Join(", ", config.Headers));
    private readonly byte[] _exposed = Encoding.ASCII.GetBytes(string.Join(", ", config.ExposedHeaders));

    public static bool IsPreflight(RequestHead head) =>
        head.Method == MethodKind.Options && head.Has(KnownField.Origin) && head.TryGet("Access-Control-Request-Method"u8, out _);

    public bool Allows(ReadOnlySpan<byte> origin)
    {
        if (origin.Length == 0) return false;
        if (_anyOrigin) return true;
        foreach (var allowed in _origins)
        {
            if (origin.SequenceEqual(allowed)) return true;
        }
        return false;
    }

    /// <summary>The fields of an answer that the origin may read.</summary>
    public void Write(ref HeadWriter writer, EdgeVerdict verdict)
    {
        if (verdict.Origin is not { } origin) return;
        // With credentials the origin is named; without them everybody may share one answer.
        if (_anyOrigin && !config.Credentials) writer.Write("Access-Control-Allow-Origin: *\r\n"u8);
        else writer.Field("Access-Control-Allow-Origin"u8, origin);
        if (config.Credentials) writer.Write("Access-Control-Allow-Credentials: true\r\n"u8);
        if (verdict.IsPreflight)
        {
            if (_methods.Length > 0) writer.Field("Access-Control-Allow-Methods"u8, _methods);
            if (_headers.Length > 0) writer.Field("Access-Control-Allow-Headers"u8, _headers);
            writer.Field("Access-Control-Max-Age"u8, (long)config.MaxAge.TotalSeconds);
        }
        else if (_exposed.Length > 0)
        {
            writer.Field("Access-Control-Expose-Headers"u8, _exposed);
        }
    }
}
