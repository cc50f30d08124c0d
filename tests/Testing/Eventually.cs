using System.Diagnostics;

namespace SkyRiff.Testing;

/// <summary>Waits for what must become true, and says what did not happen when it does not.</summary>
public static class Eventually
{
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(30); // far above what anything needs: reaching it is the failure
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(5);

    public static Task TrueAsync(Func<bool> condition, string what, TimeSpan? within = null) => TrueAsync(() => Task.FromResult(condition()), what, within);

    public static async Task TrueAsync(Func<Task<bool>> condition, string what, TimeSpan? within = null)
    {
        var started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(LookEvery);
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(started) > (within ?? Within)) throw new TimeoutException($"It did not happen within {within ?? Within}: {what}.");
            await timer.WaitForNextTickAsync();
        }
    }

    /// <summary>The task's result, or a failure that names what was waited for.</summary>
    public static async Task<T> ResultAsync<T>(Task<T> task, string what, TimeSpan? within = null)
    {
        try
        {
            return await task.WaitAsync(within ?? Within);
        }
        catch (TimeoutException late) when (!task.IsCompleted)
        {
            throw new TimeoutException($"It did not happen within {within ?? Within}: {what}.", late);
        }
    }
}
