using Microsoft.Extensions.Logging;
using SkyRiff.Contracts;
using SkyRiff.Redis;

namespace SkyRiff.Videos.Feed;

/// <summary>
/// The board as requests and writers see it: never needed. Whoever finds Redis away leaves it alone for <see cref="Pause"/>, so that an outage costs one request now and
/// then its wait; what could not be told to it has the board built anew.
/// </summary>
internal sealed class LatestFeed(LatestBoard board, TimeProvider time, ILogger<LatestFeed> logger)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private long _awaySince;
    private bool _isAway;
    private int _owes;

    /// <summary>Whether a change did not reach the board; taking it clears it.</summary>
    public bool TakeDebt() => Interlocked.Exchange(ref _owes, 0) == 1;

    public void Owe() => Volatile.Write(ref _owes, 1);

    /// <summary>Null: there is no board at the moment, or none that reaches so far; ask the shards.</summary>
    public async Task<IReadOnlyList<WorkId>?> PageAsync(long? below, int count, CancellationToken cancellationToken)
    {
        if (IsLeftAlone) return null;
        try
        {
            var page = await board.PageAsync(below, count, cancellationToken);
            Answered();
            return page is null || (page.Floor > 0 && page.Works.Count < count) ? null : page.Works;
        }
        catch (RedisException failure)
        {
            Failed(failure);
            return null;
        }
    }

    /// <summary>A work is public now, or it is not.</summary>
    public async Task ChangedAsync(WorkId work, bool isPublic)
    {
        if (IsLeftAlone)
        {
            Owe();
            return;
        }
        try
        {
            // The change is made: a caller who left does not matter any more.
            await (isPublic ? board.PutAsync(work, CancellationToken.None) : board.TakeAsync(work, CancellationToken.None));
            Answered();
        }
        catch (RedisException failure)
        {
            Owe();
            Failed(failure);
        }
    }

    private bool IsLeftAlone => Volatile.Read(ref _isAway) && time.GetElapsedTime(Volatile.Read(ref _awaySince)) < Pause;

    private void Answered() => Volatile.Write(ref _isAway, false);

    private void Failed(RedisException failure)
    {
        Volatile.Write(ref _awaySince, time.GetTimestamp());
        if (!Volatile.Read(ref _isAway)) logger.LogWarning("The feed goes on without Redis: {Reason}", failure.Message);
        Volatile.Write(ref _isAway, true);
    }
}
