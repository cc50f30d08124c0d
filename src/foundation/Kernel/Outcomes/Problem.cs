namespace SkyRiff.Kernel.Outcomes;

/// <summary>Who must act, and how; decides the HTTP and the RPC status in one table each.</summary>
public enum ProblemCategory
{
    /// <summary>The request cannot be read: malformed JSON, a bad cursor. HTTP 400.</summary>
    Malformed,

    /// <summary>No valid credentials. HTTP 401.</summary>
    Unauthenticated,

    /// <summary>Known caller, but payment is needed first. HTTP 402.</summary>
    PaymentRequired,

    /// <summary>Known caller without the right, where hiding the thing is pointless. HTTP 403.</summary>
    Forbidden,

    /// <summary>No such thing, or one that is somebody else's. HTTP 404.</summary>
    NotFound,

    /// <summary>The thing's present state does not allow it. HTTP 409.</summary>
    Conflict,

    /// <summary>The body is larger than the limit. HTTP 413.</summary>
    TooLarge,

    /// <summary>The content type is not taken. HTTP 415.</summary>
    UnsupportedMediaType,

    /// <summary>Readable, but a value breaks a rule. HTTP 422.</summary>
    Invalid,

    /// <summary>A limit; carries when to come back. HTTP 429.</summary>
    Limited,

    /// <summary>A fault or a bug of ours. HTTP 500.</summary>
    Internal,

    /// <summary>Something we depend on is away, or we are overloaded. HTTP 503.</summary>
    Unavailable,
}

/// <summary>One entry of the append-only list of problem codes; <paramref name="Code"/> is <c>module.snake_case</c> and never changes.</summary>
public sealed record ProblemCode(string Code, ProblemCategory Category, string Title)
{
    /// <summary>A refusal with a sentence that tells the caller what to change.</summary>
    public Problem Because(string detail) => new(this, detail);

    public Problem Because(string detail, IReadOnlyList<FieldError> errors) => new(this, detail) { Errors = errors };
}

/// <summary>One mistake in a request; <paramref name="Pointer"/> is an RFC 6901 JSON pointer (<c>/tags/2</c>), empty for the whole.</summary>
public sealed record FieldError(string Pointer, string Detail);

/// <summary>An expected no: what a use case answers instead of throwing.</summary>
public sealed record Problem(ProblemCode Code, string Detail)
{
    public IReadOnlyList<FieldError> Errors { get; init; } = [];

    /// <summary>When the caller may try again; becomes <c>Retry-After</c> in whole seconds, rounded up.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Other header fields that the reply owes its caller, such as <c>RateLimit</c>.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    public override string ToString() => $"{Code.Code}: {Detail}";
}
