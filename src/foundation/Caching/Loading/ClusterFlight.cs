using SkyRiff.Caching.Shared;

namespace SkyRiff.Caching.Loading;

/// <summary>
/// Which process of the cluster loads an expensive key: leases in Redis. For efficiency alone; while Redis cannot be asked, every process loads for itself.
/// </summary>
internal sealed class ClusterFlight(CacheCore core, TimeSpan loadDurationMax, TimeSpan waitMax)
{
    /// <summary>Another process's value is looked for this often, and at once when Redis tells of a write to the key.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50);

    public async ValueTask<ClusterLease> TakeAsync(IReadOnlyList<SharedKey> keys, CancellationToken cancellation)
    {
        var owner = BitConverter.GetBytes(core.NewNonce());
        var got = await core.Redis!.TryLeaseAsync(keys, owner, loadDurationMax + core.Options.RedisTimeLimit, cancellation);
        return new ClusterLease(core.Redis, keys, owner, got);
    }

    /// <summary>Until the key is written, or it is time to look anyway.</summary>
    public async Task PauseAsync(SharedKey key, CancellationToken cancellation)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var moved = core.Versions.MovedAsync(key.Slot);
        await Task.WhenAny(moved, Task.Delay(LookEvery < waitMax ? LookEvery : waitMax, core.Time, over.Token));
        await over.CancelAsync();
        core.Versions.StopWaiting(key.Slot, moved);
        cancellation.ThrowIfCancellationRequested();
    }
}

/// <summary>The leases that were got for some of the keys; given back at the end.</summary>
internal sealed class ClusterLease(RedisTier redis, IReadOnlyList<SharedKey> keys, byte[] owner, bool[]? got) : IAsyncDisposable
{
    /// <summary>False when Redis could not be asked; then every key counts as leased.</summary>
    public bool IsReal => got is not null;

    public bool Has(int index) => got is null || got[index];

    public async ValueTask DisposeAsync()
    {
        if (got is null)
            return;
        var held = keys.Where((_, index) => got[index]).ToList();
        if (held.Count > 0)
            await redis.ReleaseAsync(held, owner);
    }
}
