using System.Collections.Concurrent;
using SkyRiff.Contracts;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Videos.Playback;

/// <summary>
/// Whether a generation's files are for everybody: its work is published, public or unlisted. Remembered for <see cref="StaleMax"/>, so that a work that is made
/// private or deleted goes dark soon. Bounded: past <see cref="EntriesMax"/> everything is asked again.
/// </summary>
internal sealed class MediaAccess(VideosDatabase database, TimeProvider time)
{
    public static readonly TimeSpan StaleMax = TimeSpan.FromSeconds(5);
    private const int EntriesMax = 100_000;

    private readonly ConcurrentDictionary<GenerationId, (bool Open, long At)> _known = new();

    public async ValueTask<bool> IsOpenAsync(GenerationId id, CancellationToken cancellationToken)
    {
        var now = time.GetTimestamp();
        if (_known.TryGetValue(id, out var known) && time.GetElapsedTime(known.At, now) < StaleMax) return known.Open;
        var open = await database.ReadAsync(id.Slot(), (sql, token) => sql.SingleAsync($"""
            SELECT EXISTS (SELECT FROM videos.generations g JOIN videos.works w ON w.id = g.work_id WHERE g.id = {id} AND w.visibility IN ('public', 'unlisted'))
            """, row => row.Bool(0), token), cancellationToken);
        if (_known.Count >= EntriesMax) _known.Clear();
        _known[id] = (open, now);
        return open;
    }

    public void Forget(GenerationId id) => _known.TryRemove(id, out _);
}
