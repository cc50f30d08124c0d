using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>Who may call a route.</summary>
public enum Access
{
    /// <summary>A valid access token.</summary>
    SignedIn,

    /// <summary>Anybody; a token, where one is sent, must be valid.</summary>
    Open,

    /// <summary>Anybody, and a token is not even looked at (signing in with a stale one must work).</summary>
    Anonymous,

    /// <summary>A valid access token with the role <c>admin</c>.</summary>
    Admin,
}

/// <summary>A route as it was declared: what it takes, answers and refuses. The OpenAPI document and the golden list of routes are written from these.</summary>
public sealed class ApiRoute
{
    /// <summary>Bodies are small but for the few routes that say otherwise.</summary>
    public const int BodyBytesMaxDefault = 64 * 1024;

    internal ApiRoute(string method, string pattern) => (Method, Pattern) = (method, pattern);

    public string Method { get; }

    /// <summary>Path with <c>{parameters}</c>, from the root.</summary>
    public string Pattern { get; }

    public Type? RequestType { get; internal init; }

    /// <summary>Reads its body and writes its reply by itself; it may stream, and take as long as its client does.</summary>
    public bool IsRaw { get; internal init; }

    public Type? ReplyType { get; private set; }

    public int SuccessStatus { get; private set; } = 200;

    public Access Access { get; private set; } = Access.SignedIn;

    public bool NeedsIdempotencyKey { get; private set; }

    public int BodyBytesMax { get; private set; } = BodyBytesMaxDefault;

    /// <summary>A body that need not be there.</summary>
    public bool BodyOptional { get; private set; }

    public string ReplyContentType { get; private set; } = "application/json";

    public string? RequestContentType { get; private set; }

    public string Description { get; private set; } = "";

    public IReadOnlyList<(string Name, string Description)> QueryParameters { get; private set; } = [];

    public IReadOnlyList<ProblemCode> Refusals { get; private set; } = [];

    public ApiRoute Says(string description) => Set(() => Description = description);

    public ApiRoute Open() => Set(() => Access = Access.Open);

    public ApiRoute Anonymous() => Set(() => Access = Access.Anonymous);

    public ApiRoute Admin() => Set(() => Access = Access.Admin);

    public ApiRoute Idempotent() => Set(() => NeedsIdempotencyKey = true);

    public ApiRoute OptionalBody() => Set(() => BodyOptional = true);

    public ApiRoute BodyMax(int bytes) => Set(() => BodyBytesMax = bytes);

    /// <summary>What the body of a success looks like; for stored replies and streams, whose type says nothing.</summary>
    public ApiRoute Replies<T>(int status = 200, string contentType = "application/json") => Set(() => (ReplyType, SuccessStatus, ReplyContentType) = (typeof(T), status, contentType));

    public ApiRoute Replies(int status, string contentType = "application/json") => Set(() => (SuccessStatus, ReplyContentType) = (status, contentType));

    /// <summary>A body that is not JSON, such as an image.</summary>
    public ApiRoute TakesRaw(string contentType) => Set(() => RequestContentType = contentType);

    public ApiRoute Takes(params (string Name, string Description)[] query) => Set(() => QueryParameters = query);

    public ApiRoute Refuses(params ProblemCode[] codes) => Set(() => Refusals = [.. Refusals, .. codes]);

    private ApiRoute Set(Action change)
    {
        change();
        return this;
    }
}
