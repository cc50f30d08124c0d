using System.Numerics;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Resilience.Balancing;

namespace SkyRiff.Gateway.Decisions;

/// <summary>A route's hedging: how long to wait, and what came of it. The lean front waits in its state machine, Kestrel in <see cref="Kestrel.HedgeRace"/>.</summary>
internal sealed class Hedging(HedgeConfig config)
{
    /// <summary>Answers before which a percentile says nothing.</summary>
    private const int AnswersMin = 100;

    private readonly LatencyQuantile? _latency = config.Percentile > 0 ? new LatencyQuantile(config.Percentile) : null;
    private long _sent;
    private long _won;

    public HedgeConfig Config { get; } = config;

    /// <summary>Second requests that were sent.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>Those that were answered first.</summary>
    public long Won => Volatile.Read(ref _won);

    public TimeSpan Delay => _latency is { Answers: >= AnswersMin } latency ? TimeSpan.FromMicroseconds(latency.Microseconds) : Config.After;

    /// <summary>
    /// Another target than the one that was asked, paid from the cluster's retry budget; null when there is none, or the budget is empty. A call to it has begun,
    /// whose end is owed to the cluster's group.
    /// </summary>
    public static Target? BeginSecond(EdgeVerdict verdict, long now)
    {
        var cluster = verdict.Arm!.Cluster;
        if (cluster.Choose(verdict.HashKey, verdict.Target!.Endpoint, now) is not { } target || target == verdict.Target || !cluster.Budget.TryTake()) return null;
        EndpointGroup.Begin(target.Endpoint);
        return target;
    }

    /// <summary>From the request to its answer, whoever gave it.</summary>
    public void Answered(long nanoseconds) => _latency?.Add(nanoseconds / 1000);

    public void OnSent() => Interlocked.Increment(ref _sent);

    public void OnWon() => Interlocked.Increment(ref _won);
}

/// <summary>
/// A quantile of durations, kept in logarithmic buckets eight to the doubling, so that it is at most an eighth too high. Older answers weigh less and less.
/// Thread-safe without a lock; a lost halving does no harm.
/// </summary>
internal sealed class LatencyQuantile(double quantile)
{
    private const int Parts = 8;
    private const int Buckets = 40 * Parts;
    private const int ComputeEvery = 64;
    private const int HalveAt = 8192;

    private readonly int[] _counts = new int[Buckets];
    private int _answers;
    private long _microseconds;

    public int Answers => Volatile.Read(ref _answers);

    public long Microseconds => Volatile.Read(ref _microseconds);

    public void Add(long microseconds)
    {
        Interlocked.Increment(ref _counts[BucketOf(microseconds)]);
        var answers = Interlocked.Increment(ref _answers);
        if (answers % ComputeEvery == 0 || answers < ComputeEvery) Compute(answers);
    }

    private void Compute(int answers)
    {
        long total = 0;
        foreach (ref var count in _counts.AsSpan()) total += Volatile.Read(ref count);
        var below = (long)Math.Ceiling(total * quantile);
        for (var i = 0; i < Buckets; i++)
        {
            below -= Volatile.Read(ref _counts[i]);
            if (below > 0) continue;
            Volatile.Write(ref _microseconds, UpperBound(i));
            break;
        }
        if (answers < HalveAt) return;
        foreach (ref var count in _counts.AsSpan()) count /= 2;
        Volatile.Write(ref _answers, answers / 2);
    }

    private static int BucketOf(long microseconds)
    {
        var value = (ulong)Math.Clamp(microseconds, 1, 1L << 38);
        var log = BitOperations.Log2(value);
        var part = log >= 3 ? (int)(value >> (log - 3)) & (Parts - 1) : (int)(value << (3 - log)) & (Parts - 1);
        return (log * Parts) + part;
    }

    private static long UpperBound(int bucket) => Math.Max(1, ((long)(Parts + (bucket % Parts) + 1) << (bucket / Parts)) / Parts);
}
