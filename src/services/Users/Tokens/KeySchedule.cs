namespace SkyRiff.Users.Tokens;

/// <summary>
/// When which signing key is made, signs and is shown. Pure. Time is cut into periods of one key lifetime; each has one key.
/// <code>
///   period n        |----- signs ------|
///   key n     ....==|==================|==....      = published (JWKS), from one overlap before to one overlap after
///   key n+1                      ....==|=====
/// </code>
/// Verifiers thus know a key before the first token signed with it, and as long as the last one lives.
/// </summary>
internal sealed record KeySchedule(TimeSpan Lifetime, TimeSpan Overlap)
{
    public long PeriodAt(DateTimeOffset now) => now.UtcTicks / Lifetime.Ticks;

    public DateTimeOffset StartOf(long period) => new(period * Lifetime.Ticks, TimeSpan.Zero);

    /// <summary>The periods whose keys should exist at <paramref name="now"/>: the present one and, near its end, the next.</summary>
    public IEnumerable<long> Due(DateTimeOffset now)
    {
        var period = PeriodAt(now);
        yield return period;
        if (now >= StartOf(period + 1) - Overlap) yield return period + 1;
    }

    public DateTimeOffset RetiresAt(long period) => StartOf(period + 1) + Overlap;
}
