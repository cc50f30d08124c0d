using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Calls;

namespace SkyRiff.Videos.Media;

/// <summary>
/// Users' pictures are decoded by processes, before anything was paid: only <see cref="AtOnce"/> at a time, while <see cref="QueueMax"/> wait, and of one user
/// <see cref="PerUserMax"/> of both, so that nobody takes all the places.
/// </summary>
internal sealed class PictureTurns(TimeProvider time)
{
    public const int PerUserMax = 3;

    private const int AtOnce = 2;
    private const int QueueMax = 20;
    private static readonly TimeSpan QueueDurationMax = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ComeBackAfter = TimeSpan.FromSeconds(2);

    private readonly Bulkhead _decoding = new(new BulkheadOptions { ConcurrencyMax = AtOnce, QueueMax = QueueMax, QueueDurationMax = QueueDurationMax }, new MonotonicClock(time));
    private readonly PlacesPerKey<UserId> _perUser = new(PerUserMax);

    /// <summary>Does the work when it is its turn; <paramref name="busy"/> when there is none.</summary>
    public async Task<Outcome<T>> RunAsync<T>(UserId user, Problem busy, Func<Task<Outcome<T>>> work, CancellationToken cancellationToken)
    {
        if (!_perUser.TryEnter(user)) return HttpProblems.RateLimited.Because($"{PerUserMax} of your pictures are being checked; wait for one.") with { RetryAfter = ComeBackAfter };
        try
        {
            if (await _decoding.EnterAsync(Deadline.None, cancellationToken) is not BulkheadEntry.Entered) return busy with { RetryAfter = ComeBackAfter };
            try
            {
                return await work();
            }
            finally
            {
                _decoding.Leave();
            }
        }
        finally
        {
            _perUser.Leave(user);
        }
    }
}
