namespace SkyRiff.Data;

/// <summary>Wakes one waiter; rings that come while nobody waits are remembered as one.</summary>
internal sealed class Bell
{
    private TaskCompletionSource _rung = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Ring() => Volatile.Read(ref _rung).TrySetResult();

    /// <summary>True when rung, false after <paramref name="atMost"/>.</summary>
    public async Task<bool> WaitAsync(TimeSpan atMost, TimeProvider time, CancellationToken cancellationToken)
    {
        var rung = Volatile.Read(ref _rung);
        if (!rung.Task.IsCompleted)
        {
            using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(rung.Task, Task.Delay(atMost, time, timer.Token));
            await timer.CancelAsync();
        }
        cancellationToken.ThrowIfCancellationRequested();
        if (!rung.Task.IsCompleted) return false;
        // A ring that falls between here and the waiter's return is answered by that return.
        Volatile.Write(ref _rung, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        return true;
    }
}
