namespace SkyRiff.Caching;

/// <summary>A family whatever its types, as its cache sees it.</summary>
internal interface ICacheFamily
{
    /// <summary>Of invalidations in Redis.</summary>
    TimeSpan TombstoneLifetime { get; }

    CacheFamilyStatistics Statistics();
}
