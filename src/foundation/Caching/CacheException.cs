namespace SkyRiff.Caching;

/// <summary>Why a value could not be had. What a loader throws itself reaches the callers as it is.</summary>
public enum CacheFault
{
    /// <summary>Too many loads of the family run and wait already; nothing was asked of the source. Trying again later is safe.</summary>
    LoadsRefused,

    /// <summary>The loader did not answer within <see cref="CacheFamilyOptions{TKey, TValue}.LoadDurationMax"/>.</summary>
    LoadTimedOut,

    /// <summary>The cache was disposed.</summary>
    Disposed,
}

/// <summary>The one exception of this library; an outage of Redis is not among its reasons.</summary>
public sealed class CacheException(CacheFault kind, string message) : Exception(message)
{
    /// <summary>What happened.</summary>
    public CacheFault Kind { get; } = kind;
}
