namespace SkyRiff.Users.Tokens;

/// <summary>When a key signs and how long it is shown.</summary>
internal sealed record KeySpan(DateTimeOffset ActivatesAt, DateTimeOffset SignsUntil, DateTimeOffset RetiresAt)
{
    public bool SignsAt(DateTimeOffset now) => ActivatesAt <= now && now < SignsUntil;
}

/// <summary>
/// When which signing key is made, signs and is shown. Pure.
/// <code>
///   key n     ....==|------ signs ------|==....      = published (JWKS), from one overlap before to one overlap after
///   key n+1                       ....==|------ signs ------|==....
/// </code>
/// Verifiers thus know a key before the first token signed with it, and as long as the last one lives. Only the very first key, and one that is made after all
/// processes were down while it was due, signs at once.
/// </summary>
internal sealed record KeySchedule(TimeSpan Lifetime, TimeSpan Overlap)
{
    /// <summary>The next key that should exist at <paramref name="now"/> and does not; null when all do.</summary>
    public KeySpan? Missing(IReadOnlyCollection<KeySpan> keys, DateTimeOffset now)
    {
        if (!keys.Any(key => key.SignsAt(now))) return Beginning(now);
        var end = keys.Max(key => key.SignsUntil);
        return now >= end - Overlap ? Beginning(end) : null;
    }

    private KeySpan Beginning(DateTimeOffset start) => new(start, start + Lifetime, start + Lifetime + Overlap);
}
