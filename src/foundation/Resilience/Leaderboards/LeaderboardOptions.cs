namespace SkyRiff.Resilience.Leaderboards;

/// <summary>When a board begins anew, in UTC.</summary>
public enum BoardPeriod
{
    /// <summary>Never.</summary>
    None,

    /// <summary>At midnight.</summary>
    Day,

    /// <summary>On Monday at midnight (ISO 8601).</summary>
    Week,

    /// <summary>On the first at midnight.</summary>
    Month,
}

/// <summary>What a board is and how long it stays.</summary>
public sealed record LeaderboardOptions
{
    /// <summary>Part of the Redis key.</summary>
    public required string Name { get; init; }

    public BoardPeriod Period { get; init; } = BoardPeriod.None;

    /// <summary>How long a board can be read after its period has ended, or for <see cref="BoardPeriod.None"/> after the last change; default 35 days.</summary>
    public TimeSpan KeepDuration { get; init; } = TimeSpan.FromDays(35);

    /// <summary>The worst beyond this many are forgotten; 10 .. 10 million, default one million.</summary>
    public int MembersMax { get; init; } = 1_000_000;
}

/// <summary>A place on a board; <paramref name="Rank"/> 1 is the best, and nobody shares one.</summary>
public readonly record struct BoardEntry(long Rank, string Member, long Score);

/// <summary>What a rebuild puts on a board.</summary>
/// <param name="Member">Who.</param>
/// <param name="Score">How much in all.</param>
/// <param name="ReachedAt">When that score was reached; decides ties.</param>
public readonly record struct BoardRecord(string Member, long Score, DateTimeOffset ReachedAt);
