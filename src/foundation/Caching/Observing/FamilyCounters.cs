namespace SkyRiff.Caching.Observing;

/// <summary>What happened below the local tier; added to with <see cref="Interlocked"/>.</summary>
internal sealed class FamilyCounters
{
    public long SharedHits;
    public long SharedNegativeHits;
    public long Misses;
    public long MembershipRefusals;
    public long Loads;
    public long LoadedKeys;
    public long LoadFailures;
    public long LoadMicroseconds;
    public long Renewals;
    public long StaleServed;
    public long LoadsRefused;
    public long Fenced;
    public long Damaged;
    public long UnknownVersion;
    public long Oversize;
    public long ClusterWaits;
    public long BytesRead;
    public long BytesWritten;

    public static void Count(ref long counter, long by = 1) => Interlocked.Add(ref counter, by);
}
