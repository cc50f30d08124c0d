namespace SkyRiff.Testing;

/// <summary>
/// The two waits of a test that are for nothing to happen: until the next request of a load that comes at a rate, and for the work that a stand-in pretends to do. What
/// waits for an effect uses <see cref="Eventually"/>.
/// </summary>
public static class Pace
{
    /// <summary>Returns after the time, or at once when the token ends; the caller looks at its token.</summary>
    public static async Task KeepAsync(TimeSpan time, CancellationToken stop) => await Task.Delay(time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
