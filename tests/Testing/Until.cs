using System.Diagnostics;
using Shouldly;

namespace SkyRiff.Testing;

/// <summary>Waits for a condition, never for a time.</summary>
public static class Until
{
    /// <summary>Far above what anything needs here: reaching it is the failure.</summary>
    private static readonly TimeSpan PatienceMax = TimeSpan.FromSeconds(30);

    /// <summary>Returns once <paramref name="condition"/> holds; fails with <paramref name="whatDidNotHappen"/> when it never does.</summary>
    public static Task HoldsAsync(Func<bool> condition, string whatDidNotHappen) => HoldsAsync(() => Task.FromResult(condition()), whatDidNotHappen);

    /// <inheritdoc cref="HoldsAsync(Func{bool}, string)"/>
    public static async Task HoldsAsync(Func<Task<bool>> condition, string whatDidNotHappen)
    {
        var started = Stopwatch.GetTimestamp();
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(started) > PatienceMax) throw new ShouldAssertException(whatDidNotHappen);
            await poll.WaitForNextTickAsync();
        }
    }
}
