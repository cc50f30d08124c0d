using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>The one writer of problem documents (RFC 9457).</summary>
public static class ProblemWriter
{
    public const string ContentType = "application/problem+json";

    /// <summary>The one table from who must act to an HTTP status.</summary>
    public static int StatusOf(ProblemCategory category) => category switch
    {
        ProblemCategory.Malformed => 400,
        ProblemCategory.Unauthenticated => 401,
        ProblemCategory.PaymentRequired => 402,
        ProblemCategory.Forbidden => 403,
        ProblemCategory.NotFound => 404,
        ProblemCategory.Conflict => 409,
        ProblemCategory.TooLarge => 413,
        ProblemCategory.UnsupportedMediaType => 415,
        ProblemCategory.Invalid => 422,
        ProblemCategory.Limited => 429,
        ProblemCategory.Unavailable => 503,
        _ => 500,
    };

    /// <param name="http">A response that has not started.</param>
    /// <param name="problem">What to say.</param>
    /// <param name="status">Overrides the category's status where the protocol has a finer one, such as 405 or 431.</param>
    public static Task WriteAsync(HttpContext http, Problem problem, int? status = null)
    {
        var response = http.Response;
        response.StatusCode = status ?? StatusOf(problem.Code.Category);
        response.ContentType = ContentType;
        response.Headers.CacheControl = "no-store";
        if (problem.RetryAfter is { } wait) response.Headers.RetryAfter = ((long)Math.Ceiling(Math.Max(0, wait.TotalSeconds))).ToString(CultureInfo.InvariantCulture);
        foreach (var (name, value) in problem.Headers) response.Headers[name] = value;
        if (response.StatusCode == 401) response.Headers.WWWAuthenticate = "Bearer";

        var body = Document(problem, response.StatusCode, http.Request.Path, TraceId(http));
        response.ContentLength = body.WrittenCount;
        return response.Body.WriteAsync(body.WrittenMemory, http.RequestAborted).AsTask();
    }

    public static string TraceId(HttpContext http) => Activity.Current?.TraceId.ToHexString() ?? http.TraceIdentifier;

    /// <summary>The document's bytes: <c>type,title,status,detail,instance,code,traceId</c> and, where there are any, <c>errors</c>.</summary>
    public static ArrayBufferWriter<byte> Document(Problem problem, int status, string instance, string traceId)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = ApiJson.Options.Encoder });
        json.WriteStartObject();
        json.WriteString("type", "/docs/problems#" + problem.Code.Code);
        json.WriteString("title", problem.Code.Title);
        json.WriteNumber("status", status);
        json.WriteString("detail", problem.Detail);
        json.WriteString("instance", instance);
        json.WriteString("code", problem.Code.Code);
        json.WriteString("traceId", traceId);
        if (problem.Errors.Count > 0)
        {
            json.WriteStartArray("errors");
            foreach (var error in problem.Errors)
            {
                json.WriteStartObject();
                json.WriteString("pointer", error.Pointer);
                json.WriteString("detail", error.Detail);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        json.WriteEndObject();
        return buffer;
    }
}
