using Microsoft.Extensions.Logging;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Loops;
using SkyRiff.Objects;

namespace SkyRiff.Videos.Avatars;

/// <summary>Deletes pictures that are nobody's avatar: stored by a process that died before it named them, or former ones that it did not get to delete. Any number may run.</summary>
internal sealed class AvatarSweep(IObjectStore objects, IProfiles profiles, TimeProvider time, Entropy entropy, ILogger<AvatarSweep> logger)
    : SupervisedLoop("videos.avatar_sweep", time, entropy, logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    /// <summary>A picture is named a moment after it was stored.</summary>
    private static readonly TimeSpan OrphanAge = TimeSpan.FromHours(2);

    /// <summary>As many as profiles are answered for at once.</summary>
    private const int BatchMax = 100;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        while (true)
        {
            await Task.Delay(Interval * (0.5 + Entropy.NextDouble()), Time, stopping);
            try
            {
                await SweepAsync(Time.GetUtcNow() - OrphanAge, stopping);
            }
            catch (Exception failure) when (failure is DataException { IsTransient: true } or ObjectStoreException)
            {
                Logger.LogWarning("{Loop} comes back later: {Reason}", Name, failure.Message);
            }
        }
    }

    /// <summary>Answers how many it deleted.</summary>
    internal async Task<int> SweepAsync(DateTimeOffset storedBefore, CancellationToken cancellationToken)
    {
        var deleted = 0;
        var batch = new List<(ObjectKey Key, UserId User)>();
        await foreach (var stored in objects.ListAsync(ObjectPrefix.Of(AvatarPictures.Folder + "/"), storedBefore, cancellationToken))
        {
            if (!TypedId.TryParse<UserId>(stored.Key.Value.Split('/')[1], out var user)) continue;
            batch.Add((stored.Key, user));
            if (batch.Count < BatchMax) continue;
            deleted += await DeleteOrphansAsync(batch, cancellationToken);
            batch.Clear();
        }
        deleted += await DeleteOrphansAsync(batch, cancellationToken);
        if (deleted > 0) Logger.LogInformation("Deleted {Count} pictures that were nobody's avatar", deleted);
        return deleted;
    }

    private async Task<int> DeleteOrphansAsync(List<(ObjectKey Key, UserId User)> batch, CancellationToken cancellationToken)
    {
        var authors = await profiles.OfAsync([.. batch.Select(entry => entry.User).Distinct()], cancellationToken);
        var deleted = 0;
        foreach (var (key, user) in batch)
        {
            if (authors.GetValueOrDefault(user)?.Avatar == "/media/" + key.Value) continue;
            if (await objects.DeleteAsync(key, cancellationToken)) deleted++;
        }
        return deleted;
    }
}
