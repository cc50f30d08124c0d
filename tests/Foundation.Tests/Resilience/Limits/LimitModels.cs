using FsCheck;
using FsCheck.Fluent;

namespace SkyRiff.Foundation.Tests.Resilience.Limits;

/// <summary>One caller's next move: time passes, then a cost is asked for.</summary>
internal sealed record Ask(long After, int Cost)
{
    /// <summary>Up to 200 asks with pauses of 0 to 2 seconds in milliseconds, and costs of 0 to 4.</summary>
    public static Arbitrary<Ask[]> Sequences { get; } = Gen.ArrayOf(
            from milliseconds in Gen.Frequency((3, Gen.Constant(0)), (5, Gen.Choose(0, 60)), (1, Gen.Choose(0, 2_000)))
            from cost in Gen.Frequency((6, Gen.Constant(1)), (1, Gen.Choose(0, 4)))
            select new Ask(milliseconds * 1_000_000L, cost))
        .ToArbitrary();
}

/// <summary>The obvious sliding window: a list of everything that was taken.</summary>
internal sealed class ListWindow(long limit, long window)
{
    private readonly List<(long At, long Cost)> _taken = [];

    public long Used(long now) => _taken.Where(take => take.At + window > now).Sum(take => take.Cost);

    public bool Take(long cost, long now)
    {
        if (Used(now) + cost > limit) return false;
        if (cost > 0) _taken.Add((now, cost));
        return true;
    }
}
