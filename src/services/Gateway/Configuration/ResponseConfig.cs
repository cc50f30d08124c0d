namespace SkyRiff.Gateway.Configuration;

/// <summary>What the cache of all routes may hold; one per process, shared by every loop and front.</summary>
internal sealed record ResponseStoreConfig
{
    /// <summary>Heads, bodies and book-keeping of what is stored; the least useful goes first.</summary>
    public long BytesMax { get; init; } = 64 << 20;

    /// <summary>Bodies that are being received to be stored; a response that finds no room here is forwarded and not stored.</summary>
    public long CapturesBytesMax { get; init; } = 32 << 20;
}

/// <summary>A route whose responses may be stored and used again, by RFC 9111.</summary>
internal sealed record CacheConfig
{
    /// <summary>A larger body is forwarded and not stored.</summary>
    public long EntryBytesMax { get; init; } = 1 << 20;

    /// <summary>What says nothing about its freshness, but when it was last modified, is fresh for a tenth of its age and at most for this long. Zero: it is not stored.</summary>
    public TimeSpan HeuristicMax { get; init; }

    /// <summary>How long stale responses may be used while they are validated, where the response does not say.</summary>
    public TimeSpan StaleWhileRevalidate { get; init; }

    /// <summary>How long stale responses may be used instead of an error, where the response does not say.</summary>
    public TimeSpan StaleIfError { get; init; }

    /// <summary>Off: clients cannot force a request to the upstream (they may by RFC 9111, whose request directives are advice).</summary>
    public bool ObeysClients { get; init; } = true;

    /// <summary>Requests for the same missing response wait for one of them.</summary>
    public bool Collapses { get; init; } = true;

    /// <summary>How long one waits for another's response, which may be slow to be read by its client; then it goes by itself.</summary>
    public TimeSpan WaitMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Requests that wait for one response; more go by themselves.</summary>
    public int WaitersMax { get; init; } = 1000;
}

/// <summary>A route whose bodies are compressed for clients that take that.</summary>
internal sealed record CompressConfig
{
    public static readonly IReadOnlyList<string> UsualTypes =
    [
        "text/html", "text/plain", "text/css", "text/csv", "text/xml", "text/javascript", "application/javascript", "application/json", "application/problem+json",
        "application/manifest+json", "application/xml", "application/rss+xml", "application/wasm", "application/x-ndjson", "image/svg+xml",
    ];

    /// <summary>Media types without parameters, in small letters.</summary>
    public IReadOnlyList<string> Types { get; init; } = UsualTypes;

    /// <summary>A shorter body gains less than it costs.</summary>
    public long BytesMin { get; init; } = 1024;

    /// <summary>Quality of brotli, 0 to 11; 0 to 5 are for answers that are made while somebody waits.</summary>
    public int BrotliQuality { get; init; } = 4;

    /// <summary>Level of gzip, 1 to 9.</summary>
    public int GzipLevel { get; init; } = 5;

    public bool UsesBrotli { get; init; } = true;

    public bool UsesGzip { get; init; } = true;

    /// <summary>Responses that are being compressed, at about half a megabyte each; more leave as they are.</summary>
    public int InFlightMax { get; init; } = 256;
}
