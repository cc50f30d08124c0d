using System.Text.Json;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Videos.Playback;

namespace SkyRiff.Videos.Generating;

/// <summary>Makes views of generations, with their places in the queue, and sends them to their owner's open pages.</summary>
internal sealed class GenerationViews(QueueView queue, MediaUrls urls, WaitEstimate estimate, UserEventHub hub, TimeProvider time)
{
    public async Task<IReadOnlyList<GenerationView>> OfAsync(UserId user, IReadOnlyList<GenerationRow> rows, CancellationToken cancellationToken)
    {
        var waiting = rows.Where(row => row.Job.Phase is Phase.Queued).Select(row => row.Id.Value).ToList();
        var positions = waiting.Count == 0 ? null : await queue.PositionsAsync(user.Slot(), waiting, cancellationToken);
        return [.. rows.Select(row => Of(row, positions?.GetValueOrDefault(row.Id.Value) is { Running: false } place ? place.Ahead : null))];
    }

    public async Task<GenerationView> OfAsync(GenerationRow row, CancellationToken cancellationToken) => (await OfAsync(row.User, [row], cancellationToken))[0];

    /// <summary>The view without asking the database; <paramref name="ahead"/> is how many wait before it, where it waits.</summary>
    public GenerationView Of(GenerationRow row, int? ahead)
    {
        var job = row.Job;
        var ready = job.Phase is Phase.Ready && row.Manifest is not null;
        return new GenerationView(
            row.Id,
            StatusOf(job),
            job.Phase is Phase.Ready ? 100 : Math.Round(Math.Clamp(row.Progress, 0, 0.99) * 100, 1),
            job.Phase is Phase.Queued && ahead is { } before ? before + 1 : null,
            job.IsOver ? null : estimate.SecondsLeft(row, ahead ?? 0),
            row.Prompt,
            row.Model,
            row.Seconds,
            row.Size.ToString(),
            job.Failure is { } failure && job.Phase is Phase.Failed ? new FailureView(JsonNamingPolicy.SnakeCaseLower.ConvertName(failure.Class.ToString()), failure.Detail) : null,
            new Receipt(row.Quoted, row.Held, row.Captured, row.Released),
            row.Work,
            ready ? Whole(row) : row.PreviewKey is { } key && !job.IsOver ? new PreviewView(urls.Private(row.Id, key)) : null,
            row.CreatedAt,
            row.UpdatedAt);
    }

    private PreviewView Whole(GenerationRow row)
    {
        var playback = urls.Playback(row.Id, row.Manifest!, isPublic: false);
        return new PreviewView(playback.Hls, playback.Mp4, playback.Poster, playback.Preview);
    }

    public void Publish(GenerationRow row) => hub.Publish(row.User.Value, EventOf(row));

    public UserEvent EventOf(GenerationRow row) => new("generation", row.UpdatedAt == default ? time.GetUtcNow() : row.UpdatedAt, ApiJson.Bytes(Of(row, ahead: null)));

    /// <summary>While a release is under way the outcome is decided but not yet true: the last visible status stands until the credits are back.</summary>
    private static string StatusOf(GenerationJob job) => job.Phase switch
    {
        Phase.Holding or Phase.Queued => "queued",
        Phase.Submitting or Phase.Running or Phase.Fetching or Phase.Releasing => "running",
        Phase.Checking or Phase.Packaging or Phase.Capturing => "packaging",
        Phase.Ready => "ready",
        Phase.Failed => "failed",
        _ => "cancelled",
    };
}
