namespace SkyRiff.Videos.Media;

/// <summary>Where the media tools are and what one run of them may take. Checked once by <see cref="Validate"/>.</summary>
internal sealed record MediaOptions
{
    /// <summary>The folder under which every run gets its own; on the object store's file system, so that storing is a rename.</summary>
    public required string ScratchRoot { get; init; }

    /// <summary>Name on the PATH, or a full path.</summary>
    public string FfmpegPath { get; init; } = "ffmpeg";

    /// <summary>Name on the PATH, or a full path.</summary>
    public string FfprobePath { get; init; } = "ffprobe";

    /// <summary>Encoder threads, 1 to 16. Fixed rather than "all cores": x264's output depends on it, and the same input shall give the same bytes.</summary>
    public int Threads { get; init; } = 4;

    /// <summary>How much a run steps back for requests on the same machine, 0 to 19.</summary>
    public int Niceness { get; init; } = 5;

    /// <summary>Address space of one process, 512 MiB or more; 1080p with 16 threads needs about 1.5 GiB of it.</summary>
    public long MemoryBytesMax { get; init; } = 3L << 30;

    /// <summary>Wall-clock limit of one run, 1 s or more; its CPU limit is this times <see cref="Threads"/>.</summary>
    public TimeSpan RunDurationMax { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Bytes of any single file that a run writes.</summary>
    public long OutputBytesMax { get; init; } = 512L << 20;

    public MediaOptions Validate()
    {
        var mistakes = new List<string>();
        if (!Path.IsPathFullyQualified(ScratchRoot)) mistakes.Add($"{nameof(ScratchRoot)} must be a full path");
        if (Threads is < 1 or > 16) mistakes.Add($"{nameof(Threads)} is {Threads}, must be 1 to 16");
        if (Niceness is < 0 or > 19) mistakes.Add($"{nameof(Niceness)} is {Niceness}, must be 0 to 19");
        if (MemoryBytesMax < 512L << 20) mistakes.Add($"{nameof(MemoryBytesMax)} is {MemoryBytesMax}, must be 512 MiB or more");
        if (RunDurationMax < TimeSpan.FromSeconds(1)) mistakes.Add($"{nameof(RunDurationMax)} is {RunDurationMax}, must be 1 s or more");
        if (OutputBytesMax < 1 << 20) mistakes.Add($"{nameof(OutputBytesMax)} is {OutputBytesMax}, must be 1 MiB or more");
        return mistakes.Count == 0 ? this : throw new InvalidOperationException($"Media options: {string.Join("; ", mistakes)}.");
    }
}
