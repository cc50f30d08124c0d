using Microsoft.Extensions.Logging;
using Npgsql;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.Data;

/// <summary>
/// Hears NOTIFY on every shard (one connection each, re-established) and wakes whoever subscribed. Only ever a hint: subscribers also poll slowly, and are
/// woken once whenever a connection is made again, since notices may have been missed. One per process.
/// </summary>
public sealed class Wakeups(ShardMap map, TimeProvider time, Entropy entropy, ILogger<Wakeups> logger) : SupervisedLoop("wakeups", time, entropy, logger)
{
    private static readonly TimeSpan ReconnectDelayBase = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ReconnectDelayMax = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly List<Subscription> _subscriptions = [];

    /// <summary>Interrupts the listening of every shard when there is a new channel to listen to; swapped under the lock.</summary>
    private CancellationTokenSource _changed = new();

    /// <summary>
    /// <paramref name="wake"/> is called with the notice's payload, or with an empty one after a reconnection; it must be quick and must not throw.
    /// Disposing ends the subscription.
    /// </summary>
    public IDisposable Subscribe(string channel, Action<Shard, string> wake)
    {
        var subscription = new Subscription(this, channel, wake);
        lock (_lock)
        {
            _subscriptions.Add(subscription);
            var changed = _changed;
            _changed = new CancellationTokenSource();
            _ = changed.CancelAsync();
        }
        return subscription;
    }

    protected override Task RunAsync(CancellationToken stopping) => Task.WhenAll(map.Shards.Select(shard => ListenForeverAsync(shard, stopping)));

    private async Task ListenForeverAsync(Shard shard, CancellationToken stopping)
    {
        for (var failures = 0; !stopping.IsCancellationRequested;)
        {
            try
            {
                await ListenAsync(shard, () => failures = 0, stopping);
            }
            catch (Exception failure) when (failure is NpgsqlException or TimeoutException or IOException or System.Net.Sockets.SocketException)
            {
                failures++;
                if (failures == 1) Logger.LogWarning("Listening on {Shard} broke off and is taken up again: {Reason}", shard, failure.Message);
                await Task.Delay(Entropy.Backoff(ReconnectDelayBase, ReconnectDelayMax, failures), Time, stopping);
            }
        }
    }

    private async Task ListenAsync(Shard shard, Action connected, CancellationToken stopping)
    {
        await using var connection = map.Dedicated(shard, map.CommonUser);
        connection.Notification += (_, notice) => Wake(shard, notice.Channel, notice.Payload);
        await connection.OpenAsync(stopping);
        connected();
        var listening = new HashSet<string>();
        while (true)
        {
            List<string> missing;
            CancellationToken changed;
            lock (_lock)
            {
                missing = [.. _subscriptions.Select(subscription => subscription.Channel).Where(channel => !listening.Contains(channel)).Distinct()];
                changed = _changed.Token;
            }
            if (missing.Count > 0)
            {
                await using var listen = new NpgsqlCommand(string.Join(';', missing.Select(channel => $"LISTEN {channel}")), connection);
                await listen.ExecuteNonQueryAsync(stopping);
                listening.UnionWith(missing);
                foreach (var channel in missing) Wake(shard, channel, "");
            }
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, changed);
            try
            {
                await connection.WaitAsync(either.Token);
            }
            catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
            {
                continue;
            }
        }
    }

    private void Wake(Shard shard, string channel, string payload)
    {
        List<Subscription> told;
        lock (_lock) told = _subscriptions.FindAll(subscription => subscription.Channel == channel);
        foreach (var subscription in told) subscription.Wake(shard, payload);
    }

    private sealed class Subscription(Wakeups wakeups, string channel, Action<Shard, string> wake) : IDisposable
    {
        public string Channel { get; } = channel;

        public void Wake(Shard shard, string payload) => wake(shard, payload);

        public void Dispose()
        {
            lock (wakeups._lock) wakeups._subscriptions.Remove(this);
        }
    }
}
