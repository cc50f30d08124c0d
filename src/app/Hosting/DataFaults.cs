using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.App.Hosting;

/// <summary>A database that is away, full or overloaded is "come back later" for a caller, not an error of ours.</summary>
internal sealed class DataFaults : IFaultTranslator
{
    private static readonly TimeSpan ComeBackAfter = TimeSpan.FromSeconds(2);

    public Problem? Translate(Exception fault) => fault is DataException { IsTransient: true }
        ? HttpProblems.Unavailable.Because("The database is not available at the moment; repeat the request, with the same Idempotency-Key where there is one.") with { RetryAfter = ComeBackAfter }
        : null;
}
