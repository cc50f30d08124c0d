using SkyRiff.Contracts;

namespace SkyRiff.Videos.Generating;

/// <summary>A generation as its owner sees it.</summary>
/// <param name="Status"><c>queued, running, packaging, ready, failed, cancelled</c>.</param>
/// <param name="Progress">0 to 100, over the whole way.</param>
/// <param name="QueuePosition">1 is next; null when it is not waiting.</param>
/// <param name="EtaSeconds">Until it is ready, as far as can be told; null when it is over.</param>
/// <param name="Preview">What can be played already: the stream from the moment the first rendition is made, everything once it is ready.</param>
internal sealed record GenerationView(
    GenerationId Id,
    string Status,
    double Progress,
    int? QueuePosition,
    int? EtaSeconds,
    string Prompt,
    string Model,
    int Seconds,
    string Size,
    FailureView? Failure,
    Receipt Receipt,
    WorkId? WorkId,
    PreviewView? Preview,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt);

/// <param name="Code">One of the failure classes, in snake_case.</param>
internal sealed record FailureView(string Code, string Detail);

/// <summary>What was asked, set aside, spent and given back. Of a generation that is over, exactly one of the last two is the hold, the other 0.</summary>
internal sealed record Receipt(long Quoted, long Held, long Captured, long Released);

/// <param name="Mp4">This and what follows only once it is ready.</param>
internal sealed record PreviewView(string Hls, string? Mp4 = null, string? Poster = null, string? Preview = null);
