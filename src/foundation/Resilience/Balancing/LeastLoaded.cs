using SkyRiff.Kernel;
using SkyRiff.Resilience.Hashing;

namespace SkyRiff.Resilience.Balancing;

/// <summary>The one with the fewest calls in flight per weight; equals take turns. Looks at all of them.</summary>
public sealed class LeastRequests : Balancer
{
    internal const string AlgorithmName = "least_requests";

    private uint _turn;

    /// <inheritdoc/>
    public override string Name => AlgorithmName;

    private protected override Endpoint ChooseOf(EndpointSet set, in Pick pick)
    {
        var available = set.AvailableArray;
        var turn = Interlocked.Increment(ref _turn) % (uint)available.Length;
        Endpoint? best = null;
        var least = double.PositiveInfinity;
        for (var i = 0; i < available.Length; i++)
        {
            var endpoint = available[(turn + (uint)i) % (uint)available.Length];
            if (endpoint == pick.Avoid) continue;
            var load = endpoint.Load(pick.Now);
            if (load < least) (best, least) = (endpoint, load);
        }
        return best!;
    }
}

/// <summary>
/// The less loaded of two at random (Mitzenmacher, 2001): nearly as even as looking at all, and processes that do not know of each other do not
/// all choose the same one.
/// </summary>
public sealed class PowerOfTwoChoices(Entropy entropy) : Balancer
{
    internal const string AlgorithmName = "power_of_two_choices";

    private readonly SplitMix _random = new(entropy);

    /// <inheritdoc/>
    public override string Name => AlgorithmName;

    private protected override Endpoint ChooseOf(EndpointSet set, in Pick pick)
    {
        var (first, second) = TwoOf(set.AvailableArray, _random, pick.Avoid);
        return first.Load(pick.Now) <= second.Load(pick.Now) ? first : second;
    }

    /// <summary>Two different ones, of which neither is to be avoided if there are enough others; the same twice if only one is left.</summary>
    internal static (Endpoint First, Endpoint Second) TwoOf(Endpoint[] available, SplitMix random, Endpoint? avoid)
    {
        var count = available.Length;
        var excluded = avoid is null ? -1 : Array.IndexOf(available, avoid);
        if (excluded >= 0) count--;
        var first = random.Next(count);
        var second = first;
        if (count > 1)
        {
            second = random.Next(count - 1);
            if (second >= first) second++;
        }
        if (excluded >= 0 && first >= excluded) first++;
        if (excluded >= 0 && second >= excluded) second++;
        return (available[first], available[second]);
    }
}

/// <summary>
/// The faster of two at random: latency (a peak-sensitive average) times the calls in flight per weight. Finds out by itself that a machine is
/// slower, and at once that it hangs. One that was never called is tried first, one call at a time until its first answer.
/// </summary>
public sealed class LeastLatency(Entropy entropy) : Balancer
{
    internal const string AlgorithmName = "least_latency";

    private readonly SplitMix _random = new(entropy);

    /// <inheritdoc/>
    public override string Name => AlgorithmName;

    private protected override Endpoint ChooseOf(EndpointSet set, in Pick pick)
    {
        var (first, second) = PowerOfTwoChoices.TwoOf(set.AvailableArray, _random, pick.Avoid);
        return Cost(first, pick.Now) <= Cost(second, pick.Now) ? first : second;
    }

    private static double Cost(Endpoint endpoint, long now)
    {
        var latency = endpoint.Latency(now);
        if (latency < 1 && endpoint.InFlight > 0) latency = 60.0 * MonotonicClock.NanosecondsPerSecond; // unknown and already being tried
        return latency * endpoint.Load(now);
    }
}
