using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace SkyRiff.Videos.Generating;

/// <summary>Providers that are left alone for a while, because our account there is the matter: asking on would not help, and the operator must act.</summary>
internal sealed class ProviderPauses(GenerationRules rules, TimeProvider time, ILogger<ProviderPauses> logger)
{
    private readonly ConcurrentDictionary<string, DateTimeOffset> _until = new();

    public void Pause(string provider, Failure failure)
    {
        _until[provider] = time.GetUtcNow() + (failure.RetryAfter ?? rules.AccountDelay);
        logger.LogCritical("Provider {Provider} refuses our account and is paused for {Delay}: {Detail}. Check its key and balance", provider, failure.RetryAfter ?? rules.AccountDelay, failure.Detail);
    }

    /// <summary>How much of the pause is left; null when there is none.</summary>
    public TimeSpan? Of(string provider) => _until.TryGetValue(provider, out var until) && until - time.GetUtcNow() is { Ticks: > 0 } left ? left : null;
}
