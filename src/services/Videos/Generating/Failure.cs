namespace SkyRiff.Videos.Generating;

/// <summary>Why a generation did not work; each class has one rule in <see cref="GenerationJob"/>. Stored and shown by name, append-only.</summary>
internal enum FailureClass
{
    /// <summary>The provider does not take this request. No retry.</summary>
    InvalidRequest,

    /// <summary>The prompt or the picture was refused. No retry.</summary>
    InputModeration,

    /// <summary>The clip was made and then refused. No retry.</summary>
    OutputModeration,

    /// <summary>"Done", but without a playable file. One retry.</summary>
    BadOutput,

    /// <summary>The provider asks for patience. Waits, not counted.</summary>
    Throttled,

    /// <summary>The provider, the network or our own packaging failed for now. Retried with backoff, a few times.</summary>
    Transient,

    /// <summary>Our account there is the matter (key, credit). The provider is paused and the operator told; waits, not counted.</summary>
    ProviderAccount,

    /// <summary>The provider does not know the job (any more), or never said whether it took it. Never bought twice.</summary>
    Lost,

    /// <summary>A phase took longer than its deadline.</summary>
    Expired,
}

/// <param name="Detail">For the owner; says nothing of our side that the owner need not know.</param>
internal sealed record Failure(FailureClass Class, string Detail)
{
    /// <summary>How long the provider asked us to wait, where it did.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
