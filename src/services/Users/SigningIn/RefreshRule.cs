namespace SkyRiff.Users.SigningIn;

/// <summary>What a refresh token of ours is worth.</summary>
internal enum RefreshVerdict
{
    /// <summary>The one that is good now: trade it for the next.</summary>
    Rotate,

    /// <summary>Its successor was made a moment ago: answer that one again.</summary>
    Repeat,

    /// <summary>A copy: end the session.</summary>
    Reused,

    /// <summary>One that this database has not made yet (it was restored from a backup): sign in again.</summary>
    Ahead,
}

/// <summary>
/// Refresh token rotation (RFC 9700 section 4.14.2). Pure. A token that was traded before is a stolen copy, or its owner's after the theft; nobody can tell, so the
/// session ends. But an honest client also sends one twice: its reply got lost on the way, or two tabs refreshed at once. Within the leeway the trade
/// is therefore repeatable: the last token gets the same successor again, and nothing is rotated twice. A thief gains nothing by that: with two holders of one successor,
/// whichever trades it second comes too late, and the session ends.
/// </summary>
internal static class RefreshRule
{
    public static RefreshVerdict Judge(int current, int presented, TimeSpan sinceRotation, TimeSpan leeway) => (current - presented) switch
    {
        0 => RefreshVerdict.Rotate,
        1 when sinceRotation < leeway => RefreshVerdict.Repeat,
        > 0 => RefreshVerdict.Reused,
        _ => RefreshVerdict.Ahead,
    };
}
