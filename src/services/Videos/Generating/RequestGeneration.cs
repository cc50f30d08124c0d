using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Idempotency;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Videos.Media;
using SkyRiff.Videos.Providers;

namespace SkyRiff.Videos.Generating;

/// <summary>POST /generations: takes the order, holds its price, queues it. The price is computed here, never taken from the client.</summary>
internal sealed class RequestGeneration(
    VideosDatabase database, ModelCatalog catalog, IEntitlements entitlements, Acceptance acceptance, ReferenceImages references, Entropy entropy, TimeProvider time)
    : IUseCase<RequestGeneration.Request, StoredReply>
{
    internal sealed record Request(string Prompt, string? Model = null, int? Seconds = null, string? Size = null, Image? InputReference = null);

    /// <param name="Data">The image's bytes in base64.</param>
    internal sealed record Image(string ContentType, string Data);

    public const int PromptLengthMax = 2_000;

    /// <summary>A reference image in base64, and the rest.</summary>
    public const int BodyBytesMax = (ReferenceImageChecker.LengthMax / 3 * 4) + (64 * 1024);

    public async Task<Outcome<StoredReply>> HandleAsync(Request request, Call call, CancellationToken cancellationToken)
    {
        var check = new Check();
        check.Text("/prompt", request.Prompt, 1, PromptLengthMax, multiline: true);
        if (check.Problem is { } invalid) return invalid;
        var user = UserId.Of(call.Caller.Subject);
        if (!catalog.Quote(request.Model, request.Seconds, request.Size, request.InputReference is not null).TryGet(out var offer, out var problem))
        {
            // The same request may have been answered under another catalog.
            return await AnswerOfBeforeAsync(user, call.Key, cancellationToken) is { } given ? given : problem;
        }

        var plan = await entitlements.OfAsync(user, cancellationToken);
        string? reference = null;
        if (request.InputReference is { } image)
        {
            if (await AnswerOfBeforeAsync(user, call.Key, cancellationToken) is { } before) return before;
            if (!(await references.KeepAsync(user, image, cancellationToken)).TryGet(out reference, out problem)) return problem;
            // That took a while, in which the user may have left.
            if (!await call.IsStillSignedInAsync(cancellationToken)) return HttpProblems.Unauthenticated.Because("The session ended while the image was checked.");
        }

        var begun = await BeginAsync(user, request.Prompt.Trim(), offer, plan, reference, call.Key, cancellationToken);
        if (!begun.TryGet(out var start, out problem)) return problem;
        Checkpoint.Reached("videos.holding");
        return start.Reply ?? await acceptance.ContinueAsync(start.Row!, cancellationToken);
    }

    /// <summary>The reply that a repeated request was given; null when it was given none. A look that decides nothing: only <see cref="BeginAsync"/> claims the key.</summary>
    private async Task<StoredReply?> AnswerOfBeforeAsync(UserId user, IdempotencyKey key, CancellationToken cancellationToken) =>
        await database.PrimaryAsync(user.Slot(), (sql, token) => IdempotencyLedger.FindReplyAsync(sql, user.Value, key, token), cancellationToken);

    /// <summary>A row to go on with, or the reply that was given before.</summary>
    private sealed record Start(GenerationRow? Row, Outcome<StoredReply>? Reply);

    private Task<Outcome<Start>> BeginAsync(UserId user, string prompt, ModelCatalog.Offer offer, Entitlements plan, string? reference, IdempotencyKey key, CancellationToken cancellationToken) =>
        database.TransactAsync<Outcome<Start>>(user.Slot(), async (sql, token) =>
        {
            switch (await IdempotencyLedger.ClaimAsync(sql, user.Value, key, token))
            {
                case IdempotencyClaim.Replay replay:
                    return new Start(null, replay.Reply);
                case IdempotencyClaim.Mismatch:
                    return HttpProblems.IdempotencyKeyReused.Because("Use a new key for a new request.");
                case IdempotencyClaim.Pending:
                    return await sql.FirstAsync($"SELECT {Sql.Splice(GenerationRow.Columns)} FROM videos.generations WHERE user_id = {user} AND request_key = {key.Key} ORDER BY id DESC LIMIT 1", GenerationRow.Read, token) is { } pending
                        ? new Start(pending, null)
                        : HttpProblems.Unavailable.Because("The request is being withdrawn; repeat it.") with { RetryAfter = TimeSpan.FromSeconds(1) };
                default:
                    return await InsertAsync(sql, user, prompt, offer, plan, reference, key, token);
            }
        }, cancellationToken);

    private async Task<Outcome<Start>> InsertAsync(SqlSession sql, UserId user, string prompt, ModelCatalog.Offer offer, Entitlements plan, string? reference, IdempotencyKey key, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var today = DateOnly.FromDateTime(now.UtcDateTime);

        // The usage row is locked from here to the end of the transaction: the user's parallel requests take turns, so the count below it is exact.
        var used = await sql.FirstAsync($"""
            INSERT INTO videos.daily_usage (user_id, day, accepted) VALUES ({user}, {today}, 1)
            ON CONFLICT (user_id, day) DO UPDATE SET accepted = daily_usage.accepted + 1 WHERE daily_usage.accepted < {plan.GenerationsPerDay}
            RETURNING accepted
            """, row => (int?)row.Int(0), cancellationToken);
        if (used is null)
        {
            var midnight = new DateTimeOffset(today.AddDays(1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
            return VideoProblems.DailyLimit.Because($"The plan {plan.Plan} has {plan.GenerationsPerDay} generations a day; the next day begins at 00:00 UTC.") with { RetryAfter = midnight - now };
        }

        var slot = user.Slot();
        var seed = (long)(entropy.NextDouble() * int.MaxValue);
        var row = await sql.FirstAsync($"""
            INSERT INTO videos.generations (id, user_id, request_key, phase, provider, model, prompt, seconds, width, height, seed, reference_key, priority, quoted)
            SELECT skyriff.next_id({slot}), {user}, {key.Key}, 'Holding', {offer.Provider.Name}, {offer.Model.Id}, {prompt}, {offer.Seconds}, {offer.Size.Width}, {offer.Size.Height}, {seed}, {reference}, {plan.Priority}, {offer.Credits}
             WHERE (SELECT count(*) FROM videos.generations WHERE user_id = {user} AND phase NOT IN ('Ready', 'Failed', 'Cancelled')) < {plan.GenerationsAtOnce}
            RETURNING {Sql.Splice(GenerationRow.Columns)}
            """, GenerationRow.Read, cancellationToken);
        return row is null
            ? VideoProblems.TooManyAtOnce.Because($"The plan {plan.Plan} makes {plan.GenerationsAtOnce} at once; wait for one, or cancel one.") with { RetryAfter = TimeSpan.FromSeconds(15) }
            : new Start(row, null);
    }
}
