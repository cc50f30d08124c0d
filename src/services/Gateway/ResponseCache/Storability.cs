using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>Why a response is not stored; <see cref="None"/> when it is.</summary>
internal enum NotStored
{
    None,
    Method,
    Status,
    RequestSaysNoStore,
    NoStore,
    Private,
    SetCookie,

    /// <summary>The request carried credentials, and the response does not say that everybody may have it.</summary>
    Credentials,
    VaryUnusable,

    /// <summary>It says nothing about its freshness, or that it is stale, and has no validator.</summary>
    NoFreshness,
    TooLarge,

    /// <summary>Its end is the end of the connection: nobody knows whether it is whole.</summary>
    EndUnknown,
}

/// <summary>
/// Whether a shared cache may store a response (RFC 9111 section 3), and where this one is more careful than it must be: nothing with <c>Set-Cookie</c>, nothing for a
/// request with credentials (<c>Authorization</c>, <c>Cookie</c>, an API key, a route that asks who is there) unless it says <c>public</c> or <c>s-maxage</c>.
/// <c>must-revalidate</c>, which section 3.5 would take too, is sent out of habit.
/// </summary>
internal static class Storability
{
    public static NotStored Judge(MethodKind method, CacheDirectives asked, bool hasCredentials, ResponseHead head, CacheDirectives says, CacheConfig config)
    {
        if (method != MethodKind.Get) return NotStored.Method;
        if (head.Status is < 200 or 206 or 304) return NotStored.Status;
        if (says.MustUnderstand && !IsUnderstood(head.Status)) return NotStored.Status;
        if (asked.NoStore) return NotStored.RequestSaysNoStore;
        if (says.NoStore) return NotStored.NoStore;
        if (says.Private) return NotStored.Private;
        if (head.Has(KnownField.SetCookie)) return NotStored.SetCookie;
        if (hasCredentials && !IsForEverybody(says)) return NotStored.Credentials;
        if (head.Body == BodyKind.UntilClose) return NotStored.EndUnknown;
        if (head.Body == BodyKind.Length && head.ContentLength > config.EntryBytesMax) return NotStored.TooLarge;
        return MayBeFresh(head, says, config) ? NotStored.None : NotStored.NoFreshness;
    }

    public static bool IsForEverybody(CacheDirectives says) => says.Public || says.SharedMaxAge >= 0;

    public static bool HasValidator(ResponseHead head) => head.Has(KnownField.ETag) || head.Has(KnownField.LastModified);

    /// <summary>Statuses whose responses may be stored without being told how long they are fresh (RFC 9110 section 15.1).</summary>
    public static bool IsHeuristic(int status) => status is 200 or 203 or 204 or 300 or 301 or 308 or 404 or 405 or 410 or 414 or 501;

    private static bool IsUnderstood(int status) => IsHeuristic(status) || status is 302 or 303 or 307 or 400 or 401 or 403 or 406 or 409 or 429 or 500 or 502 or 503 or 504;

    private static bool MayBeFresh(ResponseHead head, CacheDirectives says, CacheConfig config)
    {
        if (says.NoCache) return HasValidator(head);
        if (!Freshness.IsExplicit(head, says))
            return IsHeuristic(head.Status) && config.HeuristicMax > TimeSpan.Zero && HttpDate.TryParse(head.Value(KnownField.LastModified), out _);
        // Already stale: worth storing only when it can be validated.
        return says.SharedMaxAge > 0 || (says.SharedMaxAge < 0 && says.MaxAge > 0) || (says is { SharedMaxAge: < 0, MaxAge: < 0 } && HttpDate.TryParse(head.Value(KnownField.Expires), out _)) || HasValidator(head);
    }
}
