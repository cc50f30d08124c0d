using Microsoft.Extensions.Logging;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;
using SkyRiff.Redis;

namespace SkyRiff.Videos.Feed;

/// <summary>
/// Builds the board of the newest works from the shards: when it is missing, when the Redis that has it is not the one it was built on (it may have lost the last
/// changes), when a change could not be told to it, and now and then. Events that come meanwhile go to both boards. Any number may run: one builds. A work that is
/// hidden just while it is being read may stay on the board until the next build; whoever shows works looks at each one's visibility anyway.
/// </summary>
internal sealed class BoardKeeping(VideosDatabase database, LatestBoard board, LatestFeed feed, FeedOptions options, TimeProvider time, Entropy entropy, ILogger<BoardKeeping> logger)
    : SupervisedLoop("videos.latest_board", time, entropy, logger), IFeedRebuild
{
    private const int PageMax = 1_000;

    private readonly string _token = entropy.NextSecret(12);
    private bool _isAway;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        while (true)
        {
            // Jittered, so that a fleet does not look in step; before the first look, so that Redis is connected to by then.
            await Task.Delay(options.CheckInterval * (0.5 + Entropy.NextDouble()), Time, stopping);
            await LookAsync(stopping);
        }
    }

    /// <summary>One look, and a build if the board needs it.</summary>
    internal async Task LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            var state = await board.StateAsync(cancellationToken);
            _isAway = false;
            var owes = feed.TakeDebt();
            if (!owes && state is { SameServer: true } && Time.GetUtcNow() - state.BuiltAt < options.RebuildInterval) return;
            try
            {
                if (await RebuildAsync(cancellationToken) is null && owes) feed.Owe();
            }
            catch
            {
                if (owes) feed.Owe();
                throw;
            }
        }
        catch (Exception failure) when (failure is RedisException or DataException { IsTransient: true })
        {
            if (!_isAway) Logger.LogWarning("{Loop} cannot look after the board and tries on: {Reason}", Name, failure.Message);
            _isAway = true;
        }
    }

    public async Task<long?> RebuildAsync(CancellationToken cancellationToken)
    {
        if (!await board.BeginAsync(_token, cancellationToken)) return null;
        var (floor, works) = (0L, 0L);
        foreach (var shard in database.Map.Shards)
        {
            var (before, read) = (long.MaxValue, 0);
            while (read < options.BoardMax)
            {
                var page = await PublicAsync(shard, before, Math.Min(PageMax, options.BoardMax - read), cancellationToken);
                if (page.Count == 0) break;
                if (!await board.FillAsync(_token, page, cancellationToken)) return null;
                before = page[^1].Value;
                read += page.Count;
                works += page.Count;
            }
            if (read >= options.BoardMax) floor = Math.Max(floor, before);
        }
        if (!await board.SwapAsync(_token, floor, Time.GetUtcNow(), cancellationToken)) return null;
        Logger.LogInformation("The board of the newest works was built from {Works} works", works);
        return works;
    }

    private Task<List<WorkId>> PublicAsync(Shard shard, long before, int limit, CancellationToken cancellationToken) => database.PrimaryAsync(shard, (sql, token) =>
        sql.ListAsync($"SELECT id FROM videos.works WHERE visibility = 'public' AND id < {before} ORDER BY id DESC LIMIT {limit}", row => row.Id<WorkId>(0), token), cancellationToken);
}
