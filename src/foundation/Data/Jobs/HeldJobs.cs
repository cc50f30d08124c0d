using System.Collections.Concurrent;

namespace SkyRiff.Data;

/// <summary>
/// The jobs that a runner has in hand, with the moment until which it can prove to hold each. Pure bookkeeping: it is told what was sent and answered, and when.
/// </summary>
internal sealed class HeldJobs(TimeSpan leaseDuration, TimeProvider time)
{
    /// <summary>Subtracted from each lease: clocks of two machines do not run equally fast, and cancelling takes a moment.</summary>
    private readonly TimeSpan _margin = leaseDuration / 10;

    private readonly ConcurrentDictionary<Lease, Held> _held = [];

    public int Count => _held.Count;

    public sealed class Held(LeasedJob job)
    {
        private int _over;

        public LeasedJob Job { get; } = job;

        /// <summary>Timestamp of the <see cref="TimeProvider"/>: from then on the lease may be another's.</summary>
        public long ProvableUntil { get; internal set; }

        /// <summary>Without a timer, so there is nothing to dispose, and no race between cancelling and disposing.</summary>
        public CancellationTokenSource Lost { get; } = new();

        public Task Running { get; internal set; } = Task.CompletedTask;

        /// <summary>True for the first caller only: cancelling is for one.</summary>
        internal bool End() => Interlocked.Exchange(ref _over, 1) == 0;
    }

    /// <summary><paramref name="sentAt"/> is when the claim was sent, not when it was answered: the lease began in between.</summary>
    public Held Add(LeasedJob job, long sentAt)
    {
        var held = new Held(job) { ProvableUntil = ProvableFrom(sentAt) };
        return _held.TryAdd(job.Lease, held) ? held : throw new InvalidOperationException($"{job} is in hand already: a fence was given twice.");
    }

    public void Remove(Held held) => _held.TryRemove(new KeyValuePair<Lease, Held>(held.Job.Lease, held));

    public IReadOnlyList<Held> Of(Shard shard) => [.. _held.Values.Where(held => held.Job.Shard == shard)];

    public IReadOnlyList<Held> All() => [.. _held.Values];

    public IEnumerable<LeasedJob> OfId(Shard shard, long id) => _held.Values.Select(held => held.Job).Where(job => job.Id == id && job.Shard == shard);

    /// <summary>Takes a heartbeat's answer in; answers the jobs that are lost.</summary>
    public IReadOnlyList<Held> Answered(IReadOnlyDictionary<Lease, HeartbeatResult> results, long sentAt)
    {
        var lost = new List<Held>();
        foreach (var (lease, result) in results)
        {
            if (!_held.TryGetValue(lease, out var held)) continue; // ended in the meantime
            if (result is HeartbeatResult.Renewed) held.ProvableUntil = ProvableFrom(sentAt);
            else if (result is HeartbeatResult.Lost) lost.Add(held);
        }
        return lost;
    }

    /// <summary>The jobs whose lease can no longer be proved: no heartbeat of theirs came back for too long.</summary>
    public IReadOnlyList<Held> Unprovable(long now) => [.. _held.Values.Where(held => held.ProvableUntil <= now)];

    private long ProvableFrom(long sentAt) => sentAt + (long)((leaseDuration - _margin).TotalSeconds * time.TimestampFrequency);
}
