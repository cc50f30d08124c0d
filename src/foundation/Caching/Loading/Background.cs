namespace SkyRiff.Caching.Loading;

/// <summary>Work that no caller waits for, bounded, and awaited at the end.</summary>
internal sealed class Background : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly HashSet<Task> _running = [];
    private readonly Lock _lock = new();
    private readonly int _tasksMax;

    public Background(int tasksMax)
    {
        _tasksMax = tasksMax;
        Stopping = _stopping.Token;
    }

    /// <summary>Ended by the disposal; outlives it.</summary>
    public CancellationToken Stopping { get; }

    /// <summary>Starts the work, which must not throw; false when there is too much already, or the end has come.</summary>
    public bool TryRun(Func<Task> work)
    {
        lock (_lock)
        {
            if (Stopping.IsCancellationRequested || _running.Count >= _tasksMax)
                return false;
            var task = Task.Run(work, CancellationToken.None);
            _running.Add(task);
            _ = task.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            return true;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        Task[] running;
        lock (_lock)
            running = [.. _running];
        await Task.WhenAll(running);
        _stopping.Dispose();
    }

    private void Forget(Task task)
    {
        lock (_lock)
            _running.Remove(task);
    }
}
