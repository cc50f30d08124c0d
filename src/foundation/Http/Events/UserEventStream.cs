using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>
/// <c>GET /events</c> as server-sent events (WHATWG HTML, section 9.2). First what was missed (by <c>Last-Event-ID</c>, from the services' tables),
/// then what happens, with a comment every <see cref="HeartbeatInterval"/>. Every <see cref="ProofInterval"/> the caller's token is proven again, so that a stream
/// ends with its token, its session, or its user's good standing; it ends after <see cref="StreamAgeMax"/> and when the process stops, too.
/// Browsers come back by themselves.
/// </summary>
public sealed class UserEventStream(UserEventHub hub, IEnumerable<IUserEventSource> sources, TimeProvider time, IHostApplicationLifetime lifetime)
{
    /// <summary>Together with what verifiers remember (3 s) below the 5 s within which a ban must have reached everything.</summary>
    public static readonly TimeSpan ProofInterval = TimeSpan.FromSeconds(1.5);
    public static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(15);
    public static readonly TimeSpan StreamAgeMax = TimeSpan.FromMinutes(15);

    private static readonly ProblemCode TooManyStreams = new("events.too_many_streams", ProblemCategory.Limited, "Too many open event streams");

    private readonly IUserEventSource[] _sources = [.. sources];

    public void Map(ApiRoutes api) => api.Raw("GET", "/events", StreamAsync)
        .Says("The caller's live events as server-sent events: generation, notification, wallet. Resumes by Last-Event-ID.")
        .Replies<string>(200, "text/event-stream")
        .Refuses(TooManyStreams);

    private async Task StreamAsync(Call call, CancellationToken aborted)
    {
        using var subscription = hub.Subscribe(call.Caller.Subject);
        if (subscription is null)
        {
            await ProblemWriter.WriteAsync(call.Http, TooManyStreams.Because($"A user may have {UserEventHub.StreamsPerUserMax} streams; close one.") with { RetryAfter = HeartbeatInterval });
            return;
        }

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(aborted, lifetime.ApplicationStopping);
        var stream = new Open(call, subscription, time.GetUtcNow());
        try
        {
            // First listen, then ask: what happens in between is told twice, not never.
            await subscription.ListenAsync(ended.Token);
            // Before the response begins: sources that fail answer with a problem document.
            var missed = await MissedAsync(call.Caller.Subject, ParseId(call.Http.Request.Headers["Last-Event-ID"].ToString()), ended.Token);
            var response = call.Http.Response;
            response.ContentType = "text/event-stream";
            response.Headers.CacheControl = "no-store";
            response.Headers["X-Accel-Buffering"] = "no";
            await response.WriteAsync("retry: 1000\n\n", ended.Token);
            foreach (var what in missed) await stream.WriteAsync(what, ended.Token);
            await response.Body.FlushAsync(ended.Token);
            await FollowAsync(stream, ended.Token);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // The process stops: the stream ends here, whole events sent.
        }
    }

    private async Task FollowAsync(Open stream, CancellationToken ended)
    {
        using var timer = new PeriodicTimer(ProofInterval, time);
        var tick = timer.WaitForNextTickAsync(ended).AsTask();
        var news = stream.NewsAsync(ended);
        var (opened, spoke) = (time.GetTimestamp(), time.GetTimestamp());
        while (time.GetElapsedTime(opened) < StreamAgeMax)
        {
            // The tick goes first: events that never stop must not keep a revoked stream open.
            var first = await Task.WhenAny(tick, news);
            await first;
            if (first == tick)
            {
                if (!await stream.Call.IsStillSignedInAsync(ended)) return;
                tick = timer.WaitForNextTickAsync(ended).AsTask();
                if (time.GetElapsedTime(spoke) < HeartbeatInterval) continue;
                await stream.Response.WriteAsync(": still here\n\n", ended);
            }
            else
            {
                await SendAsync(stream, ended);
                news = stream.NewsAsync(ended);
            }
            spoke = time.GetTimestamp();
            await stream.Response.Body.FlushAsync(ended);
        }
    }

    private async Task SendAsync(Open stream, CancellationToken ended)
    {
        var before = stream.LastAt;
        while (stream.Subscription.Events.TryRead(out var next))
        {
            if (!UserEventHub.Subscription.IsWake(next)) await stream.WriteAsync(next, ended);
        }
        var gap = stream.Subscription.TakeGap();
        if (stream.Subscription.TakeLost() && !(gap < before)) gap = before;
        if (gap is null) return;
        foreach (var what in await MissedAsync(stream.Subscription.User, gap, ended)) await stream.WriteAsync(what, ended);
    }

    private async Task<List<UserEvent>> MissedAsync(long user, DateTimeOffset? since, CancellationToken cancellationToken)
    {
        var missed = new List<UserEvent>();
        foreach (var source in _sources) missed.AddRange(await source.SinceAsync(user, since, cancellationToken));
        return missed;
    }

    /// <summary>Ids are Unix milliseconds; anything else starts afresh.</summary>
    private static DateTimeOffset? ParseId(string id) =>
        long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds < 253_402_300_799_999
            ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)
            : null;

    /// <summary>One stream, and how far it got.</summary>
    private sealed class Open(Call call, UserEventHub.Subscription subscription, DateTimeOffset openedAt)
    {
        public Call Call { get; } = call;

        public UserEventHub.Subscription Subscription { get; } = subscription;

        public HttpResponse Response => Call.Http.Response;

        /// <summary>Of the last event written.</summary>
        public DateTimeOffset LastAt { get; private set; } = openedAt;

        public Task<bool> NewsAsync(CancellationToken ended) => Subscription.Events.WaitToReadAsync(ended).AsTask();

        public async Task WriteAsync(UserEvent what, CancellationToken ended)
        {
            var head = string.Create(CultureInfo.InvariantCulture, $"id: {what.At.ToUnixTimeMilliseconds()}\nevent: {what.Type}\ndata: ");
            await Response.Body.WriteAsync(Encoding.UTF8.GetBytes(head), ended);
            await Response.Body.WriteAsync(what.Data, ended);
            await Response.Body.WriteAsync("\n\n"u8.ToArray(), ended);
            LastAt = what.At;
        }
    }
}
