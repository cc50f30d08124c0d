using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>When a response was asked for and received: monotonic for how long it lies here, and the wall clock to compare with its dates.</summary>
internal readonly record struct ReceivedAt(long RequestNanoseconds, long Nanoseconds, long UnixSeconds);

/// <summary>Whether a stored response may answer now.</summary>
internal enum Reuse
{
    Fresh,

    /// <summary>Stale, and the client takes that.</summary>
    StaleAccepted,

    /// <summary>Stale; it answers, and is validated meanwhile.</summary>
    WhileRevalidating,

    /// <summary>It must be validated first.</summary>
    Validate,
}

/// <summary>How long a stored response is fresh and how old it is (RFC 9111 section 4.2), in seconds, and what may be done with it when it is stale (RFC 5861).</summary>
internal sealed record Freshness
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    public long Lifetime { get; init; }

    /// <summary>The age when it was received.</summary>
    public long InitialAge { get; init; }

    public long ReceivedNanoseconds { get; init; }

    /// <summary>Never without validation, however fresh.</summary>
    public bool AlwaysValidate { get; init; }

    /// <summary>Not when stale, whatever anybody allows. <c>s-maxage</c> means that too (section 5.2.2.10).</summary>
    public bool NeverStale { get; init; }

    public long StaleWhileRevalidate { get; init; }

    public long StaleIfError { get; init; }

    public static Freshness Of(ResponseHead head, CacheDirectives says, ReceivedAt at, CacheConfig config)
    {
        var date = HttpDate.TryParse(head.Value(KnownField.Date), out var parsed) ? parsed : at.UnixSeconds;
        var ageValue = HttpBytes.TryParseDecimal(head.Value(KnownField.Age), out var age) ? Math.Min(age, CacheDirectives.SecondsMax) : 0;
        var delay = Math.Max(0, at.Nanoseconds - at.RequestNanoseconds) / NanosecondsPerSecond;
        return new Freshness
        {
            Lifetime = LifetimeOf(head, says, date, at.UnixSeconds, config),
            InitialAge = Math.Max(Math.Max(0, at.UnixSeconds - date), ageValue + delay),
            ReceivedNanoseconds = at.Nanoseconds,
            AlwaysValidate = says.NoCache,
            NeverStale = says.MustRevalidate || says.ProxyRevalidate || says.SharedMaxAge >= 0,
            StaleWhileRevalidate = says.StaleWhileRevalidate >= 0 ? says.StaleWhileRevalidate : (long)config.StaleWhileRevalidate.TotalSeconds,
            StaleIfError = says.StaleIfError >= 0 ? says.StaleIfError : (long)config.StaleIfError.TotalSeconds,
        };
    }

    /// <summary>Whether the response itself says how long it is fresh.</summary>
    public static bool IsExplicit(ResponseHead head, CacheDirectives says) => says.SharedMaxAge >= 0 || says.MaxAge >= 0 || head.Has(KnownField.Expires);

    public long AgeAt(long nanoseconds) => InitialAge + (Math.Max(0, nanoseconds - ReceivedNanoseconds) / NanosecondsPerSecond);

    /// <summary>Seconds of freshness that are left; negative when it is stale.</summary>
    public long LeftAt(long nanoseconds) => Lifetime - AgeAt(nanoseconds);

    /// <summary><paramref name="asked"/>: the request's directives, or none where clients are not obeyed.</summary>
    public Reuse Judge(CacheDirectives asked, long nanoseconds)
    {
        if (AlwaysValidate || asked.NoCache) return Reuse.Validate;
        var age = AgeAt(nanoseconds);
        var left = Lifetime - age;
        if (asked.MaxAge >= 0 && age > asked.MaxAge && !(asked.MaxStale >= 0 && age - asked.MaxAge <= asked.MaxStale && left <= 0)) return Reuse.Validate;
        if (left > 0) return asked.MinFresh > 0 && left < asked.MinFresh ? Reuse.Validate : Reuse.Fresh;
        if (NeverStale || asked.MinFresh >= 0) return Reuse.Validate;
        var staleFor = -left;
        if (asked.MaxStale >= 0 && staleFor <= asked.MaxStale) return Reuse.StaleAccepted;
        return asked.MaxAge < 0 && staleFor < StaleWhileRevalidate ? Reuse.WhileRevalidating : Reuse.Validate;
    }

    /// <summary>Whether it may answer in place of an error of the upstream.</summary>
    public bool MayHideError(CacheDirectives asked, long nanoseconds) =>
        !AlwaysValidate && !NeverStale && !asked.NoCache && asked.MaxAge < 0 && -LeftAt(nanoseconds) < Math.Max(StaleIfError, asked.StaleIfError);

    private static long LifetimeOf(ResponseHead head, CacheDirectives says, long date, long now, CacheConfig config)
    {
        if (says.SharedMaxAge >= 0) return says.SharedMaxAge;
        if (says.MaxAge >= 0) return says.MaxAge;
        if (head.Has(KnownField.Expires))
        {
            // "0" and other dates that are none: already expired (section 5.3). Twice: the careful meaning.
            if (FieldParser.CountOf(head, KnownField.Expires) > 1 || !HttpDate.TryParse(head.Value(KnownField.Expires), out var expires)) return 0;
            return Math.Clamp(expires - date, 0, CacheDirectives.SecondsMax);
        }
        if (config.HeuristicMax <= TimeSpan.Zero || !HttpDate.TryParse(head.Value(KnownField.LastModified), out var modified)) return 0;
        return Math.Clamp((Math.Min(date, now) - modified) / 10, 0, (long)config.HeuristicMax.TotalSeconds);
    }
}
