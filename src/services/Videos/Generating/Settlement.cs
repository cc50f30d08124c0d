using Microsoft.Extensions.Logging;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Objects;
using SkyRiff.Videos.Providers;

namespace SkyRiff.Videos.Generating;

/// <summary>
/// The two ways in which a generation ends, each finishing its job: captured with a clip, or released without one. Which of them it is was
/// committed before (Capturing or Releasing); here it is carried out, as often as it takes.
/// </summary>
internal sealed class Settlement(GenerationStore store, ICredits credits, IObjectStore objects, ModelCatalog catalog, GenerationRules rules, GenerationViews views, TimeProvider time, ILogger<Settlement> logger)
{
    private static readonly TimeSpan ForgetMax = TimeSpan.FromSeconds(5);

    public async Task<GenerationRow> CaptureAsync(GenerationRow row, Lease lease, CancellationToken cancellationToken)
    {
        OpenTransaction.Forbid("Capturing a hold");
        // Files of an earlier attempt at packaging that was cut short: the manifest names what stays.
        await DeleteObjectsAsync(row, row.Manifest!.Objects().Select(stored => stored.Key).ToHashSet(), cancellationToken);
        var hold = await credits.CaptureAsync(row.User, row.Id, cancellationToken);
        Checkpoint.Reached("videos.captured");
        if (hold.State is not HoldState.Captured) throw new InvalidOperationException($"The hold of generation {row.Id} is {hold.State} although its clip was to be paid.");
        var ready = await EndAsync(row with { Captured = hold.Credits, Progress = 1 }, new GenerationEvent.Captured(), lease, cancellationToken);
        await ForgetAsync(row, cancellationToken);
        return ready;
    }

    public async Task<GenerationRow> ReleaseAsync(GenerationRow row, Lease lease, CancellationToken cancellationToken)
    {
        OpenTransaction.Forbid("Releasing a hold");
        await ForgetAsync(row, cancellationToken);
        await DeleteObjectsAsync(row, [], cancellationToken);
        Checkpoint.Reached("videos.forgotten");
        var hold = await credits.ReleaseAsync(row.User, row.Id, cancellationToken);
        Checkpoint.Reached("videos.released");
        if (hold.State is not HoldState.Released) throw new InvalidOperationException($"The hold of generation {row.Id} is {hold.State} although it was to be given back.");
        return await EndAsync(row with { Released = hold.Credits, PreviewKey = null }, new GenerationEvent.Released(), lease, cancellationToken);
    }

    private async Task<GenerationRow> EndAsync(GenerationRow row, GenerationEvent how, Lease lease, CancellationToken cancellationToken)
    {
        var next = row.Job.After(how, time.GetUtcNow(), rules) ?? throw new InvalidOperationException($"Generation {row.Id} cannot end from {row.Job.Phase}.");
        var over = await store.AdvanceAsync(row, row with { Job = next }, lease, giveUpFor: null, cancellationToken);
        Checkpoint.Reached("videos." + over.Job.Phase.ToString().ToLowerInvariant());
        views.Publish(over);
        return over;
    }

    private async Task DeleteObjectsAsync(GenerationRow row, HashSet<string> keep, CancellationToken cancellationToken)
    {
        await foreach (var stored in objects.ListAsync(ObjectPrefix.Of(row.KeyPrefix + "/"), storedBefore: null, cancellationToken))
        {
            if (!keep.Contains(stored.Key.Value)) await objects.DeleteAsync(stored.Key, cancellationToken);
        }
    }

    /// <summary>A courtesy: the provider's own clean-up catches what this misses.</summary>
    public async Task ForgetAsync(GenerationRow row, CancellationToken cancellationToken)
    {
        if (row.Job.ProviderJob is not { } providerJob || catalog.ProviderOf(row.Provider) is not { } provider) return;
        try
        {
            using var limit = new CancellationTokenSource(ForgetMax, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            await provider.ForgetAsync(Orders.Of(row, referencePath: null), providerJob, either.Token);
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            logger.LogWarning("Provider {Provider} was not told to forget {Job}: {Reason}", row.Provider, providerJob, failure.Message);
        }
    }
}
