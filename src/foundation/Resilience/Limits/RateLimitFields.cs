using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace SkyRiff.Resilience.Limits;

/// <summary>What a quota counts; the registered units of the draft.</summary>
public enum QuotaUnit
{
    /// <summary>Requests; the default, which is not written.</summary>
    Requests,

    /// <summary>Bytes of content.</summary>
    ContentBytes,

    /// <summary>Requests at the same time; such a policy has no window.</summary>
    ConcurrentRequests,
}

/// <summary>
/// A limit as it is announced. <paramref name="Name"/> is printable ASCII; <paramref name="Window"/> is zero when there is none.
/// </summary>
public sealed record LimitPolicy(string Name, long Quota, TimeSpan Window, QuotaUnit Unit = QuotaUnit.Requests);

/// <summary>
/// Writes the header fields of draft-ietf-httpapi-ratelimit-headers (revisions 08 to 11), as structured fields (RFC 9651), and
/// <c>Retry-After</c> (RFC 9110, 10.2.3):
/// <code>
///   RateLimit-Policy: "address";q=100;w=1, "user";q=1000;w=60
///   RateLimit: "user";r=12;t=31
///   Retry-After: 31
/// </code>
/// Times are whole seconds, rounded up. The <c>TryFormat</c> forms write ASCII and allocate nothing.
/// </summary>
public static class RateLimitFields
{
    public const string PolicyName = "RateLimit-Policy";
    public const string LimitName = "RateLimit";
    public const string RetryAfterName = "Retry-After";

    /// <summary>The largest integer of a structured field: fifteen digits.</summary>
    private const long IntegerMax = 999_999_999_999_999;

    /// <summary>Room that every single item fits into, but for its name's length.</summary>
    private const int ItemBytes = 96;

    /// <summary>One item of <c>RateLimit-Policy</c>; false when <paramref name="destination"/> is too short.</summary>
    /// <param name="policy">What is announced.</param>
    /// <param name="partitionKey">The draft's <c>pk</c>: what the quota is counted by, written in base64; nothing is written for an empty one.</param>
    /// <param name="destination">Where the ASCII goes.</param>
    /// <param name="written">How many bytes were written.</param>
    public static bool TryFormatPolicy(LimitPolicy policy, ReadOnlySpan<byte> partitionKey, Span<byte> destination, out int written)
    {
        var writer = new Writer(destination);
        writer.Quoted(policy.Name);
        writer.Number(";q="u8, policy.Quota);
        switch (policy.Unit)
        {
            case QuotaUnit.ContentBytes: writer.Ascii(";qu=\"content-bytes\""u8); break;
            case QuotaUnit.ConcurrentRequests: writer.Ascii(";qu=\"concurrent-requests\""u8); break;
            default: break;
        }
        if (policy.Window > TimeSpan.Zero) writer.Number(";w="u8, Seconds(policy.Window));
        if (partitionKey.Length > 0) writer.Base64(";pk=:"u8, partitionKey);
        return writer.TryEnd(out written);
    }

    /// <summary>One item of <c>RateLimit</c>; false when <paramref name="destination"/> is too short.</summary>
    public static bool TryFormatLimit(LimitPolicy policy, in LimitDecision decision, ReadOnlySpan<byte> partitionKey, Span<byte> destination, out int written)
    {
        var writer = new Writer(destination);
        writer.Quoted(policy.Name);
        writer.Number(";r="u8, decision.Remaining);
        var until = decision.IsAllowed || decision.RetryAfter == LimitDecision.Never ? decision.Reset : decision.RetryAfter;
        if (until > TimeSpan.Zero) writer.Number(";t="u8, Seconds(until));
        if (partitionKey.Length > 0) writer.Base64(";pk=:"u8, partitionKey);
        return writer.TryEnd(out written);
    }

    /// <summary>The value of <c>Retry-After</c>: at least 1, since a refused caller that is told 0 comes back at once.</summary>
    public static bool TryFormatRetryAfter(in LimitDecision decision, Span<byte> destination, out int written) =>
        Utf8Formatter.TryFormat(RetryAfterSeconds(decision), destination, out written);

    /// <summary>Whole seconds for <c>Retry-After</c>, at least 1; a day for what no waiting helps.</summary>
    public static long RetryAfterSeconds(in LimitDecision decision) =>
        decision.RetryAfter == LimitDecision.Never ? 86_400 : Math.Max(1, Seconds(decision.RetryAfter));

    /// <summary>The whole value of <c>RateLimit-Policy</c>.</summary>
    public static string FormatPolicies(IReadOnlyList<LimitPolicy> policies)
    {
        var text = new StringBuilder();
        foreach (var policy in policies)
        {
            var buffer = new byte[ItemBytes + (2 * policy.Name.Length)];
            if (!TryFormatPolicy(policy, [], buffer, out var written)) throw new FormatException($"The policy '{policy.Name}' cannot be written.");
            text.Append(text.Length == 0 ? "" : ", ").Append(Encoding.ASCII.GetString(buffer, 0, written));
        }
        return text.ToString();
    }

    /// <summary>The whole value of <c>RateLimit</c> for one policy.</summary>
    public static string FormatLimit(LimitPolicy policy, in LimitDecision decision)
    {
        var buffer = new byte[ItemBytes + (2 * policy.Name.Length)];
        if (!TryFormatLimit(policy, decision, [], buffer, out var written)) throw new FormatException($"The policy '{policy.Name}' cannot be written.");
        return Encoding.ASCII.GetString(buffer, 0, written);
    }

    /// <summary>The value of <c>Retry-After</c> as text.</summary>
    public static string FormatRetryAfter(in LimitDecision decision) => RetryAfterSeconds(decision).ToString(CultureInfo.InvariantCulture);

    private static long Seconds(TimeSpan duration) => (duration.Ticks / TimeSpan.TicksPerSecond) + (duration.Ticks % TimeSpan.TicksPerSecond > 0 ? 1 : 0);

    private ref struct Writer(Span<byte> destination)
    {
        private readonly Span<byte> _destination = destination;
        private int _written;
        private bool _failed;

        public void Ascii(ReadOnlySpan<byte> text)
        {
            if (_failed || !text.TryCopyTo(_destination[_written..])) _failed = true;
            else _written += text.Length;
        }

        private void Byte(byte value)
        {
            if (_failed || _written == _destination.Length) _failed = true;
            else _destination[_written++] = value;
        }

        public void Number(ReadOnlySpan<byte> name, long value)
        {
            Ascii(name);
            if (_failed || !Utf8Formatter.TryFormat(Math.Clamp(value, 0, IntegerMax), _destination[_written..], out var length)) _failed = true;
            else _written += length;
        }

        // RFC 9651, 4.1.6: only printable ASCII; quotes and backslashes are escaped.
        public void Quoted(string text)
        {
            Ascii("\""u8);
            foreach (var character in text)
            {
                if (character is < ' ' or > '~') throw new FormatException("A policy's name is printable ASCII.");
                if (character is '"' or '\\') Ascii("\\"u8);
                Byte((byte)character);
            }
            Ascii("\""u8);
        }

        public void Base64(ReadOnlySpan<byte> name, ReadOnlySpan<byte> bytes)
        {
            Ascii(name);
            if (_failed || System.Buffers.Text.Base64.EncodeToUtf8(bytes, _destination[_written..], out _, out var length) != System.Buffers.OperationStatus.Done) _failed = true;
            else _written += length;
            Ascii(":"u8);
        }

        public readonly bool TryEnd(out int written)
        {
            written = _failed ? 0 : _written;
            return !_failed;
        }
    }
}
