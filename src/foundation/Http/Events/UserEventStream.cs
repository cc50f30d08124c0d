using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>
/// <c>GET /events</c> as server-sent events (WHATWG HTML, section 9.2). First what was missed (by <c>Last-Event-ID</c>, from the services' tables),
/// then what happens, with a comment every <see cref="HeartbeatInterval"/>. Ends after <see cref="StreamAgeMax"/>, so that a token's end reaches open
/// streams too; browsers come back by themselves.
/// </summary>
public sealed class UserEventStream(UserEventHub hub, IEnumerable<IUserEventSource> sources, TimeProvider time)
{
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
        var response = call.Http.Response;
        using var subscription = hub.Subscribe(call.Caller.Subject);
        if (subscription is null)
        {
            await ProblemWriter.WriteAsync(call.Http, TooManyStreams.Because($"A user may have {UserEventHub.StreamsPerUserMax} streams; close one.") with { RetryAfter = HeartbeatInterval });
            return;
        }

        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";
        response.Headers["X-Accel-Buffering"] = "no";
        await response.WriteAsync("retry: 1000\n\n", aborted);
        var since = ParseId(call.Http.Request.Headers["Last-Event-ID"].ToString());
        foreach (var source in _sources)
        {
            foreach (var missed in await source.SinceAsync(call.Caller.Subject, since, aborted)) await WriteAsync(response, missed, aborted);
        }
        await response.Body.FlushAsync(aborted);
        await FollowAsync(response, subscription.Events, aborted);
    }

    private async Task FollowAsync(HttpResponse response, ChannelReader<UserEvent> events, CancellationToken aborted)
    {
        using var age = new CancellationTokenSource(StreamAgeMax, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(aborted, age.Token);
        while (!ended.IsCancellationRequested)
        {
            using var pause = new CancellationTokenSource(HeartbeatInterval, time);
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(ended.Token, pause.Token);
            try
            {
                await events.WaitToReadAsync(wait.Token);
                while (events.TryRead(out var next)) await WriteAsync(response, next, aborted);
            }
            catch (OperationCanceledException) when (pause.IsCancellationRequested && !ended.IsCancellationRequested)
            {
                await response.WriteAsync(": still here\n\n", aborted);
            }
            catch (OperationCanceledException) when (age.IsCancellationRequested)
            {
                return;
            }
            await response.Body.FlushAsync(aborted);
        }
    }

    private static async Task WriteAsync(HttpResponse response, UserEvent what, CancellationToken cancellationToken)
    {
        var head = string.Create(CultureInfo.InvariantCulture, $"id: {what.At.ToUnixTimeMilliseconds()}\nevent: {what.Type}\ndata: ");
        await response.Body.WriteAsync(Encoding.UTF8.GetBytes(head), cancellationToken);
        await response.Body.WriteAsync(what.Data, cancellationToken);
        await response.Body.WriteAsync("\n\n"u8.ToArray(), cancellationToken);
    }

    /// <summary>Ids are Unix milliseconds; anything else starts afresh.</summary>
    private static DateTimeOffset? ParseId(string id) =>
        long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds < 253_402_300_799_999
            ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)
            : null;
}
