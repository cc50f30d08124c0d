using System.Text.Json;
using Microsoft.Extensions.Logging;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Http.Webhooks;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Videos.Providers.OpenAiVideos;

/// <param name="Outcome"><c>heard</c>: its generation will be looked at now; <c>late</c>: nobody waits for this job (any more); <c>ignored</c>: not about a job.</param>
internal sealed record ProviderWebhookReply(string Outcome);

/// <summary>
/// A provider calls back: <c>{"type":"video.completed","data":{"id":"video_123"}}</c>. What it says is not believed: it only wakes the poll of the generation that has this
/// job, and the poll is the truth. So it may come twice, late, or before the fact, and nothing need be remembered of it.
/// </summary>
internal sealed class ReceiveProviderWebhook(VideosDatabase database, JobQueue queue, VideosOptions options, TimeProvider time, ILogger<ReceiveProviderWebhook> logger)
{
    public const int BodyBytesMax = 64 * 1024;

    /// <summary>How far its timestamp may be from now, as Standard Webhooks advises.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    /// <summary>Strangers can have calls refused as often as they like, and an operator wants to see a wrong secret.</summary>
    private readonly Seldom _warning = new(time, TimeSpan.FromMinutes(1));

    public async Task HandleAsync(Call call, CancellationToken cancellationToken)
    {
        if (!(await ReceiveAsync(call, cancellationToken)).TryGet(out var reply, out var problem))
        {
            if (_warning.IsTime(out var keptBack)) logger.LogWarning("A provider's webhook was refused: {Problem} ({KeptBack} more since the last such line)", problem, keptBack);
            await ProblemWriter.WriteAsync(call.Http, problem);
            return;
        }
        call.Http.Response.ContentType = "application/json; charset=utf-8";
        await call.Http.Response.Body.WriteAsync(ApiJson.Bytes(reply), cancellationToken);
    }

    private async Task<Outcome<ProviderWebhookReply>> ReceiveAsync(Call call, CancellationToken cancellationToken)
    {
        var name = call.RouteText("provider");
        if (!options.OpenAiVideos.TryGetValue(name, out var provider) || provider.WebhookSecrets.Count == 0) return VideoProblems.NoSuchProvider.Because("No provider of this name has a webhook secret here.");
        if (!(await StandardWebhook.ReadBodyAsync(call.Http.Request, BodyBytesMax, cancellationToken)).TryGet(out var body, out var problem)) return problem;
        if (StandardWebhook.Verify([.. provider.WebhookSecrets.Select(WebhookSecret.Parse)], call.Http.Request.Headers, body.Span, time.GetUtcNow(), Tolerance) is { } forged)
        {
            return VideoProblems.BadSignature.Because(forged);
        }
        if (!JobIn(body).TryGet(out var job, out problem)) return problem;
        return new ProviderWebhookReply(job.Length == 0 ? "ignored" : await NudgeAsync(name, job, cancellationToken) ? "heard" : "late");
    }

    /// <summary>The shard is not in the provider's id, so all are asked; whoever gets here has shown the secret.</summary>
    private async Task<bool> NudgeAsync(string provider, string job, CancellationToken cancellationToken)
    {
        foreach (var shard in database.Map.Shards)
        {
            var nudged = await database.TransactAsync(shard, async (sql, token) =>
            {
                var id = await sql.FirstAsync($"""
                    SELECT id FROM videos.generations WHERE provider_job = {job} AND provider = {provider} AND phase NOT IN ('Ready', 'Failed', 'Cancelled')
                    """, row => (GenerationId?)row.Id<GenerationId>(0), token);
                return id is { } found && await queue.NudgeAsync(sql, found.Value, token);
            }, cancellationToken);
            if (nudged) return true;
        }
        return false;
    }

    /// <summary>The job that the event is about; empty for an event about something else.</summary>
    private static Outcome<string> JobIn(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = ApiJson.DepthMax });
            if (json.RootElement.ValueKind is not JsonValueKind.Object || VideoObject.Text(json.RootElement, "type") is not { } type) return VideoProblems.BadEvent.Because("The event lacks a type.");
            if (!type.StartsWith("video.", StringComparison.Ordinal)) return "";
            return json.RootElement.TryGetProperty("data", out var data) && data.ValueKind is JsonValueKind.Object && VideoObject.Text(data, "id") is { Length: > 0 and <= 200 } id && !id.Contains('\0')
                ? id
                : VideoProblems.BadEvent.Because("The event lacks data.id, the id of a video.");
        }
        catch (JsonException)
        {
            return VideoProblems.BadEvent.Because("The body is not valid JSON.");
        }
    }
}
