using Microsoft.Extensions.Logging;
using SkyRiff.Redis.Connections;

namespace SkyRiff.Redis.Cluster;

/// <summary>
/// Asks for the slot map when told that it may be wrong: one question at a time however many ask, with a pause between questions that grows while the
/// cluster stays broken, and asks again by itself until it is whole.
/// </summary>
internal sealed class MapRefresher(ClientContext context, Func<Node[]> candidates, Action<SlotMap> apply, Func<bool> isWhole) : IAsyncDisposable
{
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(2);

    /// <summary>How long one node may take to answer before the next is asked.</summary>
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _firstMap = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private Task _running = Task.CompletedTask;
    private bool _isRunning;
    private bool _isRequested;
    private int _count;

    public Task FirstMap => _firstMap.Task;

    /// <summary>Maps that were received.</summary>
    public int Count => Volatile.Read(ref _count);

    public Exception? LastFailure { get; private set; }

    public void Request()
    {
        lock (_lock)
        {
            _isRequested = true;
            if (_isRunning || _stopping.IsCancellationRequested)
                return;
            _isRunning = true;
            _running = Task.Run(RunAsync, CancellationToken.None);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        Task running;
        lock (_lock)
            running = _running;
        await running;
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        var pause = PauseMin;
        while (true)
        {
            lock (_lock)
            {
                if (_stopping.IsCancellationRequested || (!_isRequested && isWhole()))
                {
                    _isRunning = false;
                    return;
                }

                _isRequested = false;
            }

            var got = await TryRefreshAsync();
            pause = got && isWhole() ? PauseMin : TimeSpan.FromTicks(Math.Min(PauseMax.Ticks, pause.Ticks * 3 / 2));
            var jittered = (pause / 2) + (context.Entropy.NextDouble() * pause);
            await Task.Delay(jittered, context.Time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> TryRefreshAsync()
    {
        foreach (var node in candidates())
        {
            if (_stopping.IsCancellationRequested)
                return false;
            try
            {
                using var late = new CancellationTokenSource(AnswerLimit, context.Time);
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, late.Token);
                using var reply = await AskAsync(node, limit.Token);
                var map = SlotMap.Read(reply.Root, node.Endpoint);
                if (map.Ranges.Count == 0)
                    continue; // a node that was just born, or reset, knows nothing
                apply(map);
                Interlocked.Increment(ref _count);
                _firstMap.TrySetResult();
                return true;
            }
            catch (Exception failure) when (failure is RedisException or OperationCanceledException)
            {
                LastFailure = failure;
                context.Logger.LogDebug(failure, "Redis {Endpoint} did not tell the slot map", node.Endpoint);
            }
        }

        return false;
    }

    private static ValueTask<RedisReply> AskAsync(Node node, CancellationToken cancellation)
    {
        var pending = PendingReply.Rent(ReplyShape.Frame);
        pending.Command.Raw("*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n"u8);
        node.Send(pending);
        pending.CancelWith(cancellation);
        return new ValueTask<RedisReply>(pending, pending.Version);
    }
}
