using System.Text.Json;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Videos.Media;
using SkyRiff.Videos.Providers;

namespace SkyRiff.Videos.Generating;

/// <summary>A generation as stored: what was asked, where it stands, what it cost.</summary>
internal sealed record GenerationRow
{
    public required GenerationId Id { get; init; }

    public required UserId User { get; init; }

    public required string RequestKey { get; init; }

    public required GenerationJob Job { get; init; }

    public required string Provider { get; init; }

    public required string Model { get; init; }

    public required string Prompt { get; init; }

    public required int Seconds { get; init; }

    public required FrameSize Size { get; init; }

    public required long Seed { get; init; }

    public string? ReferenceKey { get; init; }

    public required short Priority { get; init; }

    public required long Quoted { get; init; }

    public long Held { get; init; }

    public long Captured { get; init; }

    public long Released { get; init; }

    public DateTimeOffset? SubmittedAt { get; init; }

    /// <summary>0 to 1, over all phases.</summary>
    public double Progress { get; init; }

    /// <summary>The master playlist of the first rendition, while the others are being made.</summary>
    public string? PreviewKey { get; init; }

    public PackageManifest? Manifest { get; init; }

    public WorkId? Work { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>The folder of everything that is stored for it.</summary>
    public string KeyPrefix => PrefixOf(Id);

    /// <summary>The stored files that belong to it now that it is over; null while it is in progress, and any file may.</summary>
    public IReadOnlySet<string>? KeptFiles() => Job.Phase switch
    {
        Phase.Ready => Manifest!.Objects().Select(stored => stored.Key).ToHashSet(),
        Phase.Failed or Phase.Cancelled => new HashSet<string>(),
        _ => null,
    };

    public static string PrefixOf(GenerationId id) => "clips/" + id;

    public const string Columns = """
        id, user_id, request_key, phase, failure_class, failure_detail, deadline, queued_deadline, provider, model, prompt, seconds, width, height, seed,
        reference_key, priority, quoted, held, captured, released, provider_job, submissions, bad_outputs, transients, submitted_at, progress::float8,
        preview_key, manifest::text, work_id, created_at, updated_at
        """;

    public static GenerationRow Read(SqlRow row) => new()
    {
        Id = row.Id<GenerationId>(0),
        User = row.Id<UserId>(1),
        RequestKey = row.Text(2),
        Job = new GenerationJob
        {
            Phase = Enum.Parse<Phase>(row.Text(3)),
            Failure = row.TextOrNull(4) is { } failure ? new Failure(Enum.Parse<FailureClass>(failure), row.TextOrNull(5) ?? "") : null,
            Deadline = row.TimeOrNull(6),
            QueuedDeadline = row.TimeOrNull(7),
            ProviderJob = row.TextOrNull(21),
            Submissions = row.Int(22),
            BadOutputs = row.Int(23),
            Transients = row.Int(24),
        },
        Provider = row.Text(8),
        Model = row.Text(9),
        Prompt = row.Text(10),
        Seconds = row.Int(11),
        Size = new FrameSize(row.Int(12), row.Int(13)),
        Seed = row.Long(14),
        ReferenceKey = row.TextOrNull(15),
        Priority = row.Short(16),
        Quoted = row.Long(17),
        Held = row.Long(18),
        Captured = row.Long(19),
        Released = row.Long(20),
        SubmittedAt = row.TimeOrNull(25),
        Progress = row.Double(26),
        PreviewKey = row.TextOrNull(27),
        Manifest = row.TextOrNull(28) is { } manifest ? ReadManifest(manifest) : null,
        Work = row.IdOrNull<WorkId>(29),
        CreatedAt = row.Time(30),
        UpdatedAt = row.Time(31),
    };

    public static PackageManifest ReadManifest(string json) => JsonSerializer.Deserialize<PackageManifest>(json, ApiJson.Options) ?? throw new InvalidOperationException("A stored manifest is null.");
}
