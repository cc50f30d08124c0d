namespace SkyRiff.Services.Tests.Gateway.Holding;

/// <summary>The time that a load generator leaves between requests, and that a simulated service works: what is simulated is a time, and no condition is waited for.</summary>
internal static class Pace
{
    public static Task WorkAsync(TimeSpan duration, CancellationToken cancellationToken) => Task.Delay(duration, cancellationToken);

    /// <summary>Ends early, and quietly, when it is over.</summary>
    public static async Task UntilDueAsync(double milliseconds, CancellationToken stop) =>
        await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
