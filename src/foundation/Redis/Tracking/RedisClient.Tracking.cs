using SkyRiff.Redis.Tracking;

namespace SkyRiff.Redis;

public sealed partial class RedisClient
{
    /// <summary>
    /// Tells the handler of every write to a key with one of the prefixes (none: all keys), by whomever, this client included. Returns at once; until
    /// the handler is told <see cref="InvalidationKind.Restored"/> nothing is watched. A dead connection is noticed within twice
    /// <see cref="RedisOptions.HeartbeatPeriod"/>. Needs RESP3. A prefix must not be the beginning of another.
    /// </summary>
    public RedisTracking TrackPrefixes(IReadOnlyList<string> prefixes, IInvalidationHandler handler) => new(_router, prefixes, handler);

    /// <summary>
    /// Tells the handler when a key that was read by <see cref="GetTrackedAsync"/> changes (once per read), until the result is disposed. Needs
    /// <see cref="RedisOptions.TrackReads"/>.
    /// </summary>
    public IDisposable OnInvalidated(IInvalidationHandler handler)
    {
        if (!_router.Context.Options.TrackReads)
            throw new InvalidOperationException($"{nameof(RedisOptions)}.{nameof(RedisOptions.TrackReads)} is off.");

        _router.Pushes.Add(handler);
        foreach (var node in _router.Primaries)
            node.Start();
        _router.Sweeper.Wake();
        return new Registration(_router.Pushes, handler);
    }

    private sealed class Registration(TrackingHub hub, IInvalidationHandler handler) : IDisposable
    {
        public void Dispose() => hub.Remove(handler);
    }
}
