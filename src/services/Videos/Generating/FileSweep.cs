using Microsoft.Extensions.Logging;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Loops;
using SkyRiff.Objects;
using SkyRiff.Videos.Media;

namespace SkyRiff.Videos.Generating;

/// <summary>Deletes files that belong to nothing: what a killed process left, and what a worker stored after its job was taken from it.</summary>
internal sealed class FileSweep(
    VideosDatabase database, GenerationStore store, IObjectStore objects, MediaOptions media, SweepOptions options, TimeProvider time, Entropy entropy, ILogger<FileSweep> logger)
    : SupervisedLoop("videos.files", time, entropy, logger)
{
    /// <summary>A run's folder is made and then locked, an upload written and then renamed: for this long neither is taken for a dead one.</summary>
    private static readonly TimeSpan HandOverMax = TimeSpan.FromSeconds(5);

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(options.FilesInterval, Time);
        do
        {
            try
            {
                await SweepAsync(stopping);
            }
            catch (Exception failure) when (failure is DataException { IsTransient: true } or ObjectStoreException)
            {
                Logger.LogWarning("{Loop} comes back later: {Reason}", Name, failure.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stopping));
    }

    /// <summary>Answers how many files and folders were deleted.</summary>
    internal async Task<int> SweepAsync(CancellationToken cancellationToken)
    {
        var now = Time.GetUtcNow();
        var deleted = Scratch.Sweep(media.ScratchRoot, now - HandOverMax);
        deleted += await objects.PurgeIncompleteAsync(now - Longer(options.OrphanAge, HandOverMax), cancellationToken);
        deleted += await SweepClipsAsync(now - options.OrphanAge, cancellationToken);
        deleted += await SweepReferencesAsync(now - options.OrphanAge, cancellationToken);
        if (deleted > 0) Logger.LogInformation("Deleted {Count} files and folders that belonged to nothing", deleted);
        return deleted;
    }

    /// <summary>
    /// Of a generation that is over, only what its manifest names stays. One in progress may still need everything it stored. One that is not there at all is
    /// given the time to turn up: whoever restores a database does it beside files that are newer.
    /// </summary>
    private async Task<int> SweepClipsAsync(DateTimeOffset strayBefore, CancellationToken cancellationToken)
    {
        var deleted = 0;
        GenerationId? last = null;
        GenerationRow? row = null;
        IReadOnlySet<string>? kept = null;
        await foreach (var stored in objects.ListAsync(ObjectPrefix.Of("clips/"), storedBefore: null, cancellationToken))
        {
            if (!TypedId.TryParse<GenerationId>(stored.Key.Value.Split('/')[1], out var id)) continue;
            if (id != last)
            {
                last = id;
                row = await store.FindAsync(id, cancellationToken);
                kept = row?.KeptFiles();
            }
            var isStray = row is null ? stored.StoredAt < strayBefore : kept is not null && !kept.Contains(stored.Key.Value);
            if (isStray && await objects.DeleteAsync(stored.Key, cancellationToken)) deleted++;
        }
        return deleted;
    }

    /// <summary>A picture is stored before its generation is, so a young one may belong to a request on the way.</summary>
    private async Task<int> SweepReferencesAsync(DateTimeOffset storedBefore, CancellationToken cancellationToken)
    {
        var deleted = 0;
        await foreach (var stored in objects.ListAsync(ReferenceImages.Prefix, storedBefore, cancellationToken))
        {
            var key = stored.Key.Value;
            if (!TypedId.TryParse<UserId>(key.Split('/')[1], out var user)) continue;
            var named = await database.PrimaryAsync(user.Slot(), (sql, token) => sql.SingleAsync(
                $"SELECT EXISTS (SELECT FROM videos.generations WHERE user_id = {user} AND reference_key = {key})", row => row.Bool(0), token), cancellationToken);
            if (!named && await objects.DeleteAsync(stored.Key, cancellationToken)) deleted++;
        }
        return deleted;
    }

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
