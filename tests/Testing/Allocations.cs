namespace SkyRiff.Testing;

/// <summary>Bytes that a piece of code allocates on its thread.</summary>
public static class Allocations
{
    private const int Rounds = 5;

    /// <summary>The least of some rounds: the runtime allocates now and then for itself (a method that is compiled anew), code that allocates does so in every round.</summary>
    public static long Of(Action round)
    {
        var least = long.MaxValue;
        for (var i = 0; i < Rounds && least > 0; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            round();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }
}
