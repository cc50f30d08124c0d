using System.Text;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>
/// What the <c>Cache-Control</c> fields of one message say (RFC 9111 section 5.2). Times are seconds, -1 where nothing is said. Whatever cannot be
/// read is taken for the more careful meaning: a lifetime that is no number is none.
/// </summary>
internal struct CacheDirectives
{
    /// <summary>RFC 9111 section 1.2.2: what does not fit is this.</summary>
    public const long SecondsMax = int.MaxValue;

    public CacheDirectives()
    {
    }

    public bool NoStore { get; private set; }

    /// <summary>Also when it names fields: what they hold cannot be taken out of a stored response safely.</summary>
    public bool NoCache { get; private set; }

    public bool NoTransform { get; private set; }

    public bool OnlyIfCached { get; private set; }

    public bool MustRevalidate { get; private set; }

    public bool ProxyRevalidate { get; private set; }

    public bool MustUnderstand { get; private set; }

    /// <summary>Also when it names fields.</summary>
    public bool Private { get; private set; }

    public bool Public { get; private set; }

    public long MaxAge { get; private set; } = -1;

    public long SharedMaxAge { get; private set; } = -1;

    public long MaxStale { get; private set; } = -1;

    public long MinFresh { get; private set; } = -1;

    public long StaleWhileRevalidate { get; private set; } = -1;

    public long StaleIfError { get; private set; } = -1;

    /// <summary>Every field of the head; without any, <c>Pragma: no-cache</c> of a request counts (RFC 9111 section 5.4).</summary>
    public static CacheDirectives Of(MessageHead head)
    {
        var directives = new CacheDirectives();
        if (!head.Has(KnownField.CacheControl))
        {
            if (head is RequestHead && head.TryGet("Pragma"u8, out var pragma) && Ascii.EqualsIgnoreCase(pragma, "no-cache"u8)) directives.NoCache = true;
            return directives;
        }
        for (var i = head.IndexOf(KnownField.CacheControl); i < head.FieldCount; i++)
        {
            if (head.Fields[i].Known == KnownField.CacheControl) directives.Add(head.ValueAt(i));
        }
        return directives;
    }

    /// <summary>One field's value, of any bytes.</summary>
    public void Add(ReadOnlySpan<byte> value)
    {
        while (value.Length > 0)
        {
            var end = value.IndexOfAny((byte)',', (byte)'=');
            var name = HttpBytes.Trim(end < 0 ? value : value[..end]);
            if (end < 0 || value[end] == ',')
            {
                Set(name, default, hasArgument: false);
                value = end < 0 ? default : value[(end + 1)..];
                continue;
            }
            value = value[(end + 1)..];
            Set(name, TakeArgument(ref value), hasArgument: true);
        }
    }

    /// <summary>A token or a quoted string, without its quotes, and what stands behind it up to the next comma is stepped over.</summary>
    private static ReadOnlySpan<byte> TakeArgument(ref ReadOnlySpan<byte> rest)
    {
        while (rest.Length > 0 && HttpBytes.IsBlank(rest[0])) rest = rest[1..];
        ReadOnlySpan<byte> argument;
        var at = 0;
        if (rest.Length > 0 && rest[0] == '"')
        {
            at = 1;
            while (at < rest.Length && rest[at] != '"') at += rest[at] == '\\' ? 2 : 1;
            argument = rest[1..Math.Min(at, rest.Length)];
            at = Math.Min(at + 1, rest.Length);
        }
        else
        {
            var comma = rest.IndexOf((byte)',');
            argument = HttpBytes.Trim(comma < 0 ? rest : rest[..comma]);
        }
        var next = rest[at..].IndexOf((byte)',');
        rest = next < 0 ? default : rest[(at + next + 1)..];
        return argument;
    }

    private void Set(ReadOnlySpan<byte> name, ReadOnlySpan<byte> argument, bool hasArgument)
    {
        if (Is(name, "no-store"u8)) NoStore = true;
        else if (Is(name, "no-cache"u8)) NoCache = true;
        else if (Is(name, "private"u8)) Private = true;
        else if (Is(name, "public"u8)) Public = true;
        else if (Is(name, "max-age"u8)) MaxAge = Least(MaxAge, argument);
        else if (Is(name, "s-maxage"u8)) SharedMaxAge = Least(SharedMaxAge, argument);
        else if (Is(name, "must-revalidate"u8)) MustRevalidate = true;
        else if (Is(name, "proxy-revalidate"u8)) ProxyRevalidate = true;
        else if (Is(name, "must-understand"u8)) MustUnderstand = true;
        else if (Is(name, "no-transform"u8)) NoTransform = true;
        else if (Is(name, "only-if-cached"u8)) OnlyIfCached = true;
        else if (Is(name, "max-stale"u8)) MaxStale = hasArgument ? Least(MaxStale, argument) : SecondsMax;
        else if (Is(name, "min-fresh"u8)) MinFresh = Math.Max(MinFresh, Seconds(argument));
        else if (Is(name, "stale-while-revalidate"u8)) StaleWhileRevalidate = Least(StaleWhileRevalidate, argument);
        else if (Is(name, "stale-if-error"u8)) StaleIfError = Least(StaleIfError, argument);
    }

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> known) => name.Length == known.Length && Ascii.EqualsIgnoreCase(name, known);

    /// <summary>Said twice, the shorter counts.</summary>
    private static long Least(long before, ReadOnlySpan<byte> argument)
    {
        var seconds = Seconds(argument);
        return before < 0 ? seconds : Math.Min(before, seconds);
    }

    private static long Seconds(ReadOnlySpan<byte> digits)
    {
        if (digits.Length == 0 || digits.ContainsAnyExceptInRange((byte)'0', (byte)'9')) return 0;
        return HttpBytes.TryParseDecimal(digits.TrimStart((byte)'0'), out var value) ? Math.Min(value, SecondsMax) : digits.ContainsAnyExcept((byte)'0') ? SecondsMax : 0;
    }
}
