using System.Globalization;

namespace SkyRiff.Resilience.Leaderboards;

/// <summary>One period of a board: its name in the key, when it begins, and when it ends.</summary>
internal readonly record struct BoardSpan(string Id, DateTimeOffset Begin, DateTimeOffset End)
{
    /// <summary>
    /// The period that <paramref name="time"/> is in. A board without periods spans 2024 to 2058, which only its ties need.
    /// </summary>
    public static BoardSpan At(BoardPeriod period, DateTimeOffset time)
    {
        var day = new DateTimeOffset(time.UtcDateTime.Date, TimeSpan.Zero);
        switch (period)
        {
            case BoardPeriod.Day:
                return new(day.ToString("yyyyMMdd", CultureInfo.InvariantCulture), day, day.AddDays(1));
            case BoardPeriod.Week:
                var monday = day.AddDays(-(((int)day.DayOfWeek + 6) % 7));
                var year = ISOWeek.GetYear(day.UtcDateTime);
                return new(string.Create(CultureInfo.InvariantCulture, $"{year}W{ISOWeek.GetWeekOfYear(day.UtcDateTime):00}"), monday, monday.AddDays(7));
            case BoardPeriod.Month:
                var first = day.AddDays(1 - day.Day);
                return new(day.ToString("yyyyMM", CultureInfo.InvariantCulture), first, first.AddMonths(1));
            default:
                var begin = new DateTimeOffset(2024, 1, 1, 0, 0, 0, TimeSpan.Zero);
                return new("all", begin, begin.AddYears(34));
        }
    }
}

/// <summary>
/// A score and the moment when it was reached in one double, which Redis sorts by: the score times 2^20, plus how much of the period was left in 2^20 steps, so
/// the earlier of two equal scores stands higher. Exact for scores within ±2^32; a step is 0.08 s of a day, 0.6 s of a week, 2.6 s of a month.
/// </summary>
internal static class BoardScore
{
    public const int Steps = 1 << 20;

    public const long ScoreMax = 1L << 32;

    /// <summary>Steps of the period that are left at <paramref name="time"/>: 0 .. 2^20-1.</summary>
    public static long StepsLeft(BoardSpan span, DateTimeOffset time)
    {
        var share = (time - span.Begin) / (span.End - span.Begin);
        return Steps - 1 - (long)Math.Clamp(share * Steps, 0, Steps - 1);
    }

    public static double Compose(long score, long stepsLeft) => ((double)Math.Clamp(score, -ScoreMax, ScoreMax) * Steps) + stepsLeft;

    public static long ScoreOf(double composed) => (long)Math.Floor(composed / Steps);
}
