using System.Numerics;
using SkyRiff.Gateway.Configuration;

namespace SkyRiff.Gateway.Decisions;

/// <summary>A route's hedging: how long to wait, and what came of it. The pure part that waits is in Resilience (<c>Hedge</c>); a front that does not await has it in its state machine.</summary>
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
