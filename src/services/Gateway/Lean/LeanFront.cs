using System.Net;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Telemetry;
using SkyRiff.Kernel;

namespace SkyRiff.Gateway.Lean;

/// <summary>
/// The cleartext HTTP/1.1 front: one event loop per core. Linux only. Configuration is read through <see cref="Snapshot"/>, which may be
/// swapped at any time: a request keeps what it was decided with.
/// </summary>
internal sealed class LeanFront : IAsyncDisposable
{
    private readonly EventLoop[] _loops;
    private EdgeSnapshot _snapshot;

    private LeanFront(LeanOptions options, EdgeSnapshot snapshot, TimeProvider time, Entropy entropy, AccessLog? log)
    {
        _snapshot = snapshot;
        var count = options.Loops > 0 ? options.Loops : Environment.ProcessorCount;
        _loops = new EventLoop[count];
        for (var i = 0; i < count; i++) _loops[i] = new EventLoop(options, () => Volatile.Read(ref _snapshot), time, entropy) { AccessLog = log is null ? null : new AccessLogLane(log) };
    }

    public IPEndPoint EndPoint { get; private set; } = new(IPAddress.None, 0);

    public EdgeSnapshot Snapshot
    {
        get => Volatile.Read(ref _snapshot);
        set
        {
            Volatile.Write(ref _snapshot, value);
            var kept = value.Clusters.Values.SelectMany(c => c.Targets).Select(t => t.Index).ToHashSet();
            foreach (var loop in _loops) loop.Post(() => loop.Upstreams.Keep(kept));
        }
    }

    public IReadOnlyList<LaneMetrics> Metrics => [.. _loops.Select(loop => loop.Metrics)];

    public IReadOnlyList<LoopCounters> Counters => [.. _loops.Select(loop => loop.Counters)];

    /// <summary>Buffers in use over all loops; for tests and the admin page.</summary>
    public int BuffersRented => _loops.Sum(loop => loop.Buffers.Rented);

    /// <summary>What the loops' threads have allocated so far; a request in steady state adds nothing.</summary>
    public async Task<long> AllocatedBytesAsync()
    {
        var sum = 0L;
        foreach (var loop in _loops)
        {
            var answer = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
            loop.Post(() => answer.SetResult(GC.GetAllocatedBytesForCurrentThread()));
            sum += await answer.Task;
        }
        return sum;
    }

    public static LeanFront Start(LeanOptions options, EdgeSnapshot snapshot, TimeProvider time, Entropy entropy, AccessLog? log = null)
    {
        var front = new LeanFront(options, snapshot, time, entropy, log);
        var port = options.Listen.Port;
        foreach (var loop in front._loops) port = loop.Listen(SocketAddress.Of(new IPEndPoint(options.Listen.Address, port)));
        front.EndPoint = new IPEndPoint(options.Listen.Address, port);
        for (var i = 0; i < front._loops.Length; i++) front._loops[i].Start($"gateway-{i}");
        return front;
    }

    /// <summary>Stops accepting, answers what is under way, closes what is idle; returns when the last connection is gone or the time is up.</summary>
    public Task DrainAsync()
    {
        foreach (var loop in _loops) loop.BeginDrain();
        return Task.WhenAll(_loops.Select(loop => loop.Stopped));
    }

    public async ValueTask DisposeAsync() => await DrainAsync();
}
