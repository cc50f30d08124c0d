using SkyRiff.Caching;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.App.Hosting;

/// <summary>A database that is away, full or overloaded, or reads of it that are too many for the cache, are "come back later" for a caller, not an error of ours.</summary>
internal sealed class DataFaults : IFaultTranslator
{
    private static readonly TimeSpan ComeBackAfter = TimeSpan.FromSeconds(2);

    public Problem? Translate(Exception fault) => fault is DataException { IsTransient: true } or CacheException { Kind: CacheFault.LoadsRefused or CacheFault.LoadTimedOut }
        ? HttpProblems.Unavailable.Because("The database is not available at the moment; repeat the request, with the same Idempotency-Key where there is one.") with { RetryAfter = ComeBackAfter }
        : null;
}
