using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>The refusals that any route can answer.</summary>
public static class HttpProblems
{
    public static readonly ProblemCode MalformedJson = new("request.malformed_json", ProblemCategory.Malformed, "The body is not valid JSON");
    public static readonly ProblemCode MalformedCursor = new("request.malformed_cursor", ProblemCategory.Malformed, "The cursor was not made by this server");
    public static readonly ProblemCode BadRequest = new("request.bad", ProblemCategory.Malformed, "The request cannot be read");
    public static readonly ProblemCode IdempotencyKeyNeeded = new("request.idempotency_key_needed", ProblemCategory.Malformed, "An Idempotency-Key is needed");
    public static readonly ProblemCode IdempotencyKeyReused = new("request.idempotency_key_reused", ProblemCategory.Invalid, "The Idempotency-Key was used for another request");
    public static readonly ProblemCode Invalid = new("request.invalid", ProblemCategory.Invalid, "A value breaks a rule");
    public static readonly ProblemCode TooLarge = new("request.too_large", ProblemCategory.TooLarge, "The body is too large");
    public static readonly ProblemCode UnsupportedMediaType = new("request.unsupported_media_type", ProblemCategory.UnsupportedMediaType, "The content type is not taken");
    public static readonly ProblemCode Unauthenticated = new("auth.unauthenticated", ProblemCategory.Unauthenticated, "A valid access token is needed");
    public static readonly ProblemCode Forbidden = new("auth.forbidden", ProblemCategory.Forbidden, "Not allowed");
    public static readonly ProblemCode NotFound = new("request.not_found", ProblemCategory.NotFound, "Nothing is here");
    public static readonly ProblemCode MethodNotAllowed = new("request.method_not_allowed", ProblemCategory.Conflict, "The method is not allowed here");
    public static readonly ProblemCode RateLimited = new("request.rate_limited", ProblemCategory.Limited, "Too many requests");
    public static readonly ProblemCode Unavailable = new("server.unavailable", ProblemCategory.Unavailable, "Not available at the moment");
    public static readonly ProblemCode Internal = new("server.error", ProblemCategory.Internal, "Something went wrong on our side");

    /// <summary>What every route may answer, for the OpenAPI document.</summary>
    public static readonly IReadOnlyList<ProblemCode> Everywhere = [BadRequest, RateLimited, Unavailable, Internal];

    /// <summary>All of them, for the list of codes.</summary>
    public static readonly IReadOnlyList<ProblemCode> All =
    [
        MalformedJson, MalformedCursor, BadRequest, IdempotencyKeyNeeded, IdempotencyKeyReused, Invalid, TooLarge, UnsupportedMediaType, Unauthenticated, Forbidden, NotFound, MethodNotAllowed, RateLimited, Unavailable, Internal,
    ];
}
