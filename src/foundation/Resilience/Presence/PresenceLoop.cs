using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.Resilience.Presence;

/// <summary>
/// Beats for everybody who is connected to this process, every three quarters of <see cref="PresenceOptions.LeaveGrace"/>, and tells within
/// a second who came and who left. A member with several
/// connections here comes with the first and leaves with the last.
/// </summary>
public sealed class PresenceLoop(PresenceBoard board, TimeProvider time, Entropy entropy, ILogger<PresenceLoop> logger) : SupervisedLoop("presence", time, entropy, logger)
{
    /// <summary>News is told this often.</summary>
    private static readonly TimeSpan NewsInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<long, int> _connections = [];
    private readonly ConcurrentDictionary<long, bool> _news = new(); // came, or else left

    /// <summary>Members that are connected here.</summary>
    public int Connected
    {
        get
        {
            lock (_lock) return _connections.Count;
        }
    }

    /// <summary>A connection of the member began; <see cref="Leave"/> is owed.</summary>
    public void Enter(long member)
    {
        lock (_lock)
        {
            ref var count = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_connections, member, out _);
            if (count++ == 0) _news[member] = true;
        }
    }

    /// <summary>A connection of the member ended.</summary>
    public void Leave(long member)
    {
        lock (_lock)
        {
            ref var count = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrNullRef(_connections, member);
            if (System.Runtime.CompilerServices.Unsafe.IsNullRef(ref count) || --count > 0) return;
            _connections.Remove(member);
            _news[member] = false;
        }
    }

    /// <inheritdoc/>
    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(NewsInterval, Time);
        var clock = new MonotonicClock(Time);
        var beat = MonotonicClock.Nanoseconds(board.Options.LeaveGrace * 0.75); // before anybody fades whom another process said had left
        var nextBeat = clock.Now; // also after a failure: everybody at once, since nobody knows what was told
        try
        {
            do
            {
                if (clock.Now >= nextBeat)
                {
                    nextBeat = clock.Now + beat;
                    await TellAsync(Everybody(), hasCome: true, stopping);
                }
                var news = _news.ToArray();
                foreach (var entry in news) _news.TryRemove(entry);
                await TellAsync([.. news.Where(entry => entry.Value).Select(entry => entry.Key)], hasCome: true, stopping);
                await TellAsync([.. news.Where(entry => !entry.Value).Select(entry => entry.Key)], hasCome: false, stopping);
            }
            while (await timer.WaitForNextTickAsync(stopping));
        }
        finally
        {
            // A process that stops in order takes its members along at once; if that fails, they fade.
            if (stopping.IsCancellationRequested) await TellAsync(Everybody(), hasCome: false, CancellationToken.None);
        }
    }

    private long[] Everybody()
    {
        lock (_lock) return [.. _connections.Keys];
    }

    private async Task TellAsync(long[] members, bool hasCome, CancellationToken cancellationToken)
    {
        foreach (var batch in members.Chunk(PresenceBoard.BatchMax))
        {
            if (hasCome) await board.BeatAsync(batch, cancellationToken);
            else await board.LeaveAsync(batch, cancellationToken);
        }
    }
}
