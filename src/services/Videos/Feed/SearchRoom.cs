using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Calls;

namespace SkyRiff.Videos.Feed;

/// <summary>
/// How many searches for words run at a time in this process. One that finds little looks through all that is published, on every shard: a few at a time do not
/// slow the rest down, the others wait for a moment or are sent away.
/// </summary>
internal sealed class SearchRoom(TimeProvider time)
{
    private readonly Bulkhead _places = new(new BulkheadOptions { ConcurrencyMax = 4, QueueMax = 32, QueueDurationMax = TimeSpan.FromSeconds(2) }, new MonotonicClock(time));

    public static readonly Problem Full = HttpProblems.RateLimited.Because("Many searches are under way; try again in a moment.") with { RetryAfter = TimeSpan.FromSeconds(2) };

    /// <summary>Disposing gives the place back; null when there is none.</summary>
    public async Task<IDisposable?> EnterAsync(CancellationToken cancellationToken) =>
        await _places.EnterAsync(Deadline.None, cancellationToken) is BulkheadEntry.Entered ? new Place(_places) : null;

    private sealed class Place(Bulkhead places) : IDisposable
    {
        private Bulkhead? _places = places;

        public void Dispose() => Interlocked.Exchange(ref _places, null)?.Leave();
    }
}
