using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Objects;
using SkyRiff.Videos.Media;
using SkyRiff.Videos.Providers;

namespace SkyRiff.Videos.Generating;

/// <summary>The work of each phase: asks the provider, the disk and ffmpeg, and reports how it went as an event. Decides nothing.</summary>
internal sealed class PhaseWork(GenerationStore store, MediaProbe probe, Packager packager, ReferenceImages references, GenerationViews views, ProviderPauses pauses, MediaRoom room, MediaOptions media, TimeProvider time, Entropy entropy, ILogger<PhaseWork> logger)
{
    public const double RunningBeginsAt = 0.05;
    public const double RunningEndsAt = 0.55;
    public const double PackagingBeginsAt = 0.6;

    /// <summary>A clip may last this much longer or shorter than ordered and is still what was ordered.</summary>
    private static readonly TimeSpan DurationTolerance = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan ReconcileInterval = TimeSpan.FromSeconds(3);

    /// <summary>How often progress is written down; open pages are told more often.</summary>
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(2);

    /// <summary>What the clip in each scratch folder was found to be; gone with the folder.</summary>
    private readonly ConditionalWeakTable<Scratch, MediaFacts> _inspected = [];

    /// <summary>Makes the create call if this holder may; else, or when it stays without an answer, looks for the job at the provider until that is settled or the deadline comes.</summary>
    public async Task<GenerationEvent> SubmitAsync(GenerationRow row, IVideoProvider provider, bool isFirst, LeasedJob job, Scratch scratch, CancellationToken token)
    {
        var order = Orders.Of(row, await ReferenceAsync(row, scratch, token));
        if (isFirst)
        {
            if (pauses.Of(provider.Name) is { } pause) return new GenerationEvent.Failed(new Failure(FailureClass.ProviderAccount, "The provider is paused.") { RetryAfter = pause });
            OpenTransaction.Forbid("Creating a clip at the provider");
            Checkpoint.Reached("videos.before-create");
            var creation = await provider.CreateAsync(order, token);
            Checkpoint.Reached("videos.after-create");
            switch (creation)
            {
                case Creation.Accepted accepted:
                    return new GenerationEvent.Submitted(accepted.ProviderJob);
                case Creation.Refused refused:
                    if (refused.Failure.Class is FailureClass.ProviderAccount) pauses.Pause(provider.Name, refused.Failure);
                    return new GenerationEvent.Failed(refused.Failure);
                case Creation.Unknown unknown:
                    logger.LogWarning("Generation {Generation}: provider {Provider} may or may not have taken it ({Why}); looking for it", row.Id, provider.Name, unknown.Why);
                    break;
            }
        }
        while (true)
        {
            var ours = await provider.ReconcileAsync(order, row.SubmittedAt ?? row.UpdatedAt, token) switch
            {
                Reconciliation.Found found => found.ProviderJob,
                Reconciliation.Alike alike => await store.ChooseAsync(row, alike.ProviderJobs, token),
                _ => null,
            };
            if (ours is not null) return new GenerationEvent.Submitted(ours);
            await job.WaitAsync(ReconcileInterval, time, token);
        }
    }

    /// <summary>Polls until the provider is done or has failed; a callback only wakes the poll.</summary>
    public async Task<GenerationEvent> FollowAsync(GenerationRow row, IVideoProvider provider, LeasedJob job, CancellationToken token)
    {
        var order = Orders.Of(row, referencePath: null);
        var reported = time.GetTimestamp();
        var silent = 0;
        while (true)
        {
            TimeSpan pause;
            switch (await provider.PollAsync(order, row.Job.ProviderJob!, token))
            {
                case ProviderState.Done:
                    return new GenerationEvent.Done();
                case ProviderState.Failed failed:
                    return new GenerationEvent.Failed(failed.Failure);
                case ProviderState.Working working:
                    silent = 0;
                    pause = working.PollAfter;
                    var progress = RunningBeginsAt + ((RunningEndsAt - RunningBeginsAt) * Math.Clamp(working.Progress, 0, 1));
                    if (progress > row.Progress) views.Publish(row with { Progress = progress, UpdatedAt = time.GetUtcNow() });
                    if (time.GetElapsedTime(reported) >= ReportInterval && progress > row.Progress)
                    {
                        reported = time.GetTimestamp();
                        await store.ReportAsync(row, progress, null, job.Lease, token);
                    }
                    row = row with { Progress = Math.Max(progress, row.Progress) };
                    break;
                case ProviderState.NoAnswer silence:
                    pause = silence.PollAfter + entropy.Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30), silent++);
                    break;
                default:
                    throw new InvalidOperationException("An unknown state of a provider.");
            }
            await job.WaitAsync(pause, time, token);
        }
    }

    public async Task<GenerationEvent> FetchAsync(GenerationRow row, IVideoProvider provider, Scratch scratch, CancellationToken token) =>
        await DownloadAsync(row, provider, scratch, token) is { } failure ? new GenerationEvent.Failed(failure) : new GenerationEvent.Fetched();

    public async Task<GenerationEvent> CheckAsync(GenerationRow row, IVideoProvider provider, Scratch scratch, CancellationToken token)
    {
        using var place = await room.EnterAsync(token);
        if (await EnsureFileAsync(row, provider, scratch, token) is { } failure) return new GenerationEvent.Failed(failure);
        return await InspectAsync(row, scratch, token) is { Failure: { } bad } ? new GenerationEvent.Failed(bad) : new GenerationEvent.Checked();
    }

    public async Task<(GenerationRow Row, GenerationEvent What)> PackageAsync(GenerationRow row, IVideoProvider provider, LeasedJob job, Scratch scratch, CancellationToken token)
    {
        using var place = await room.EnterAsync(token);
        if (await EnsureFileAsync(row, provider, scratch, token) is { } failure) return (row, new GenerationEvent.Failed(failure));
        var (facts, bad) = await InspectAsync(row, scratch, token);
        if (facts is null) return (row, new GenerationEvent.Failed(bad!));
        try
        {
            var request = new PackageRequest { SourcePath = ClipIn(scratch), Facts = facts, KeyPrefix = row.KeyPrefix, SourceIsOurs = provider.ClipsAreOurs };
            var packaged = await packager.PackageAsync(request, (preview, cancellation) => ShowPreviewAsync(row, preview, job, cancellation), share => Report(row, share), token);
            Checkpoint.Reached("videos.packaged-files");
            return packaged.TryGet(out var manifest, out var problem)
                ? (row with { Manifest = manifest, PreviewKey = manifest.PreviewMaster.Key }, new GenerationEvent.Packaged())
                : (row, new GenerationEvent.Failed(new Failure(FailureClass.BadOutput, problem.Detail)));
        }
        catch (FfmpegException fault)
        {
            logger.LogWarning(fault, "Packaging generation {Generation} failed", row.Id);
            return (row, new GenerationEvent.Failed(new Failure(fault.Kind is FfmpegFault.Failed ? FailureClass.BadOutput : FailureClass.Transient, "The clip could not be packaged.")));
        }
        catch (Exception fault) when (fault is ObjectStoreException or IOException)
        {
            logger.LogWarning(fault, "Storing generation {Generation} failed", row.Id);
            return (row, new GenerationEvent.Failed(new Failure(FailureClass.Transient, "The clip could not be stored.")));
        }
    }

    /// <summary>The first rendition is there: written down at once, because this is what the owner waits for.</summary>
    private async Task ShowPreviewAsync(GenerationRow row, PackagePreview preview, LeasedJob job, CancellationToken token)
    {
        var shown = row with { PreviewKey = preview.Master.Key, Progress = 0.75, UpdatedAt = time.GetUtcNow() };
        if (await store.ReportAsync(shown, shown.Progress, preview.Master.Key, job.Lease, token) == 0) throw new DataException(DataFailure.LeaseLost, $"Generation {row.Id} is no longer ours.");
        Checkpoint.Reached("videos.preview");
        views.Publish(shown);
    }

    private void Report(GenerationRow row, double share) =>
        views.Publish(row with { Progress = PackagingBeginsAt + ((0.99 - PackagingBeginsAt) * share), PreviewKey = null, UpdatedAt = time.GetUtcNow() });

    /// <summary>Looks at the clip, once per download: packaging follows the check at once, on the same file.</summary>
    private async Task<(MediaFacts? Facts, Failure? Failure)> InspectAsync(GenerationRow row, Scratch scratch, CancellationToken token)
    {
        if (_inspected.TryGetValue(scratch, out var known)) return (known, null);
        var (facts, failure) = await InspectFileAsync(row, scratch, token);
        if (facts is not null) _inspected.AddOrUpdate(scratch, facts);
        return (facts, failure);
    }

    private async Task<(MediaFacts? Facts, Failure? Failure)> InspectFileAsync(GenerationRow row, Scratch scratch, CancellationToken token)
    {
        try
        {
            var limits = new MediaLimits { LengthMax = media.OutputBytesMax };
            if (!(await probe.InspectAsync(ClipIn(scratch), limits, token)).TryGet(out var facts, out var problem)) return (null, new Failure(FailureClass.BadOutput, problem.Detail));
            var off = facts.Duration - TimeSpan.FromSeconds(row.Seconds);
            return off.Duration() <= DurationTolerance ? (facts, null) : (null, new Failure(FailureClass.BadOutput, $"A clip of {row.Seconds} s was ordered, one of {facts.Duration.TotalSeconds:0.#} s came."));
        }
        catch (FfmpegException fault)
        {
            logger.LogWarning(fault, "Checking generation {Generation} failed", row.Id);
            return (null, new Failure(FailureClass.Transient, "The clip could not be checked."));
        }
    }

    /// <summary>After a restart the scratch folder is empty: what the provider still has is fetched again.</summary>
    private async Task<Failure?> EnsureFileAsync(GenerationRow row, IVideoProvider provider, Scratch scratch, CancellationToken token) =>
        File.Exists(ClipIn(scratch)) ? null : await DownloadAsync(row, provider, scratch, token);

    private async Task<Failure?> DownloadAsync(GenerationRow row, IVideoProvider provider, Scratch scratch, CancellationToken token)
    {
        var path = ClipIn(scratch);
        _inspected.Remove(scratch);
        try
        {
            var failure = await provider.FetchAsync(Orders.Of(row, await ReferenceAsync(row, scratch, token)), row.Job.ProviderJob!, path, media.OutputBytesMax, token);
            if (failure is not null) File.Delete(path);
            return failure;
        }
        catch (IOException fault)
        {
            File.Delete(path);
            logger.LogWarning(fault, "Fetching generation {Generation} failed", row.Id);
            return new Failure(FailureClass.Transient, "The clip could not be fetched.");
        }
    }

    private async Task<string?> ReferenceAsync(GenerationRow row, Scratch scratch, CancellationToken token)
    {
        if (row.ReferenceKey is null) return null;
        var path = scratch.File("reference.png");
        if (!File.Exists(path)) await references.CopyToAsync(row.ReferenceKey, path, token);
        return path;
    }

    private static string ClipIn(Scratch scratch) => scratch.File("clip");
}
