using SkyRiff.Resilience.Balancing;
using SkyRiff.Resilience.Hashing;

namespace SkyRiff.Foundation.Tests.Resilience.Balancing;

/// <summary>Small groups to choose from.</summary>
internal static class Groups
{
    public const long Second = 1_000_000_000;

    /// <summary>Endpoints a, b, c ... of the given weights.</summary>
    public static EndpointGroup Of(params int[] weights) => Of(new EndpointGroupOptions(), weights);

    public static EndpointGroup Of(EndpointGroupOptions options, params int[] weights)
    {
        var group = new EndpointGroup(options);
        group.Update(Specs(weights), 0);
        return group;
    }

    public static List<EndpointSpec> Specs(params int[] weights) => [.. weights.Select((weight, index) => new EndpointSpec(Name(index), weight))];

    public static string Name(int index) => $"10.0.{index / 200}.{index % 200}:80";

    public static ulong Key(int number) => SipHash.Stable.Hash((ulong)number);

    /// <summary>How often each was chosen in so many picks with different keys, at most <paramref name="inFlight"/> of them at a time.</summary>
    public static Dictionary<string, int> Count(this Balancer balancer, EndpointGroup group, int picks, int inFlight = 0, long now = 0)
    {
        var counts = group.Current.Members.ToArray().ToDictionary(member => member.Id, _ => 0);
        var running = new Queue<Endpoint>();
        for (var i = 0; i < picks; i++)
        {
            var chosen = balancer.Choose(group.At(now), new Pick(now, Key(i)))!;
            counts[chosen.Id]++;
            if (inFlight == 0) continue;
            EndpointGroup.Begin(chosen);
            running.Enqueue(chosen);
            if (running.Count > inFlight) group.End(running.Dequeue(), SkyRiff.Resilience.Calls.Verdict.Abandoned, 0, now);
        }
        while (running.TryDequeue(out var rest)) group.End(rest, SkyRiff.Resilience.Calls.Verdict.Abandoned, 0, now);
        return counts;
    }
}
