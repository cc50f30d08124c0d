namespace SkyRiff.Data;

/// <summary>
/// Decides which replica of one shard may answer a read. It is told what was seen and when (timestamps of one <see cref="TimeProvider"/>), and answers; it asks nobody.
/// <code>
///   out of rotation --- seen again, lag at most LagMax ---> in rotation
///         ^                                                     |
///         +------ failed, not seen for LagMax, or lagging ------+
/// </code>
/// </summary>
internal sealed class ReplicaRotation(int replicaCount, TimeProvider time)
{
    /// <summary>A replica further behind than this answers nobody, also not those who wrote nothing.</summary>
    public static readonly TimeSpan LagMax = TimeSpan.FromSeconds(1);

    /// <summary>Positions of the primary that are remembered; at one each 200 ms they reach well beyond <see cref="LagMax"/>.</summary>
    private const int SamplesMax = 32;

    private readonly Lock _lock = new();
    private readonly Seen?[] _replicas = new Seen?[replicaCount];
    private readonly Queue<(long Position, long At)> _primary = new(SamplesMax);
    private int _turn;

    /// <summary>The primary's log was at <paramref name="position"/> at <paramref name="at"/>.</summary>
    public void PrimaryAt(long position, long at)
    {
        lock (_lock)
        {
            if (_primary.Count == SamplesMax) _primary.Dequeue();
            _primary.Enqueue((position, at));
        }
    }

    /// <summary>The replica had replayed up to <paramref name="position"/> at <paramref name="at"/>.</summary>
    public void ReplicaAt(int replica, long position, long at)
    {
        lock (_lock) _replicas[replica] = new Seen(position, at);
    }

    /// <summary>The replica did not answer: out, until it is seen again.</summary>
    public void ReplicaFailed(int replica)
    {
        lock (_lock) _replicas[replica] = null;
    }

    /// <summary>A replica that has replayed up to <paramref name="position"/>, in turn; null when only the primary will do.</summary>
    public int? Pick(long position)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            for (var i = 0; i < _replicas.Length; i++)
            {
                var candidate = (_turn + i) % _replicas.Length;
                if (_replicas[candidate] is not { } seen || seen.Position < position || !InRotation(seen, now)) continue;
                _turn = candidate + 1;
                return candidate;
            }
            return null;
        }
    }

    /// <summary>How far behind a replica is; null when it is not known.</summary>
    public TimeSpan? LagOf(int replica)
    {
        lock (_lock) return _replicas[replica] is { } seen ? Lag(seen, time.GetTimestamp()) : null;
    }

    private bool InRotation(Seen seen, long now) => time.GetElapsedTime(seen.At, now) <= LagMax && Lag(seen, now) <= LagMax;

    /// <summary>Since when the primary has had something that the replica had not yet when it was last seen.</summary>
    private TimeSpan Lag(Seen seen, long now)
    {
        foreach (var (position, at) in _primary)
        {
            if (position > seen.Position) return time.GetElapsedTime(at, now);
        }
        return TimeSpan.Zero;
    }

    private sealed record Seen(long Position, long At);
}
