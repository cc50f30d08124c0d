using System.Text;
using Microsoft.AspNetCore.Http;
using SkyRiff.Resilience.Limits;

namespace SkyRiff.App.Edge;

/// <summary>What one or more limits said about a request, for the fields <c>RateLimit</c> and <c>RateLimit-Policy</c>.</summary>
internal ref struct LimitHeaders
{
    /// <summary>Room for three limits with names of up to 16 characters.</summary>
    public const int BytesMax = 3 * 112;

    private readonly Span<byte> _buffer;
    private int _length;

    public LimitHeaders(Span<byte> buffer) => _buffer = buffer;

    public void Add(LimitPolicy policy, in LimitDecision decision)
    {
        if (_length > 0)
        {
            ", "u8.CopyTo(_buffer[_length..]);
            _length += 2;
        }
        RateLimitFields.TryFormatLimit(policy, decision, [], _buffer[_length..], out var written);
        _length += written;
    }

    public readonly void WriteTo(HttpResponse response, string policies)
    {
        response.Headers[RateLimitFields.PolicyName] = policies;
        response.Headers[RateLimitFields.LimitName] = Encoding.ASCII.GetString(_buffer[.._length]);
    }
}
