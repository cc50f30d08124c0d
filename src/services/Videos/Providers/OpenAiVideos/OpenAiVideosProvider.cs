using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using SkyRiff.Videos.Generating;

namespace SkyRiff.Videos.Providers.OpenAiVideos;

/// <summary>
/// The <c>/v1/videos</c> dialect: create, retrieve (with <c>openai-poll-after-ms</c> as a hint), content by variant, list, delete. Redirects are not followed:
/// a provider's reply must not choose what our server fetches.
/// </summary>
internal sealed class OpenAiVideosProvider(string name, OpenAiVideosOptions options, HttpClient http, TimeProvider time) : IVideoProvider
{
    private const int ReplyLengthMax = 1 << 20;
    private const int ListLimit = 100;

    /// <summary>The provider's clock may be behind ours by this.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan PollAfterMax = TimeSpan.FromMinutes(1);

    /// <summary>Whoever asks for more patience is asked again after this.</summary>
    private static readonly TimeSpan RetryAfterMax = TimeSpan.FromHours(1);

    private readonly string _base = options.BaseUrl.TrimEnd('/');

    public string Name { get; } = name;

    public IReadOnlyList<VideoModel> Models { get; } = [.. options.Models.Select(model => model.ToModel())];

    public int ConcurrencyMax => options.ConcurrencyMax;

    public bool ClipsAreOurs => false;

    public async Task<Creation> CreateAsync(ClipOrder order, CancellationToken cancellationToken)
    {
        var reply = await SendAsync(() => CreateRequest(order), cancellationToken);
        if (reply.NeverSent) return new Creation.Refused(new Failure(FailureClass.Transient, "The provider cannot be reached."));
        if (reply.Status is not { } status) return new Creation.Unknown(reply.Why);
        if (IsSuccess(status)) return VideoObject.Parse(reply.Body) is { } video ? new Creation.Accepted(video.Id, reply.PollAfter ?? options.PollInterval) : new Creation.Unknown("the reply has no video id");
        return Failures.Of(status, reply.RetryAfter, reply.Body) is { } failure ? new Creation.Refused(failure) : new Creation.Unknown($"status {(int)status}");
    }

    public async Task<Reconciliation> ReconcileAsync(ClipOrder order, DateTimeOffset submittedAt, CancellationToken cancellationToken)
    {
        if (options.HonoursIdempotencyKey)
        {
            return await CreateAsync(order, cancellationToken) is Creation.Accepted again ? new Reconciliation.Found(again.ProviderJob) : new Reconciliation.CannotTell("the repeated create call was not answered");
        }
        var reply = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, $"{_base}/videos?limit={ListLimit}&order=desc"), cancellationToken);
        if (reply.Status is not { } status || !IsSuccess(status) || VideoObject.ParseList(reply.Body) is not { } videos) return new Reconciliation.CannotTell(reply.Why);
        var since = (submittedAt - ClockSkew).ToUnixTimeSeconds();
        var alike = videos.Where(video => IsOf(order, video) && video.CreatedAt >= since).OrderBy(video => video.CreatedAt).Select(video => video.Id).ToList();
        return alike.Count == 0 ? new Reconciliation.Absent() : new Reconciliation.Alike(alike);
    }

    public async Task<ProviderState> PollAsync(ClipOrder order, string providerJob, CancellationToken cancellationToken)
    {
        var reply = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, Url(providerJob)), cancellationToken);
        if (reply.Status is HttpStatusCode.NotFound or HttpStatusCode.Gone) return new ProviderState.Failed(new Failure(FailureClass.Lost, "The provider no longer knows the job."));
        if (reply.Status is not { } status || !IsSuccess(status) || VideoObject.Parse(reply.Body) is not { } video) return new ProviderState.NoAnswer(reply.Why, reply.RetryAfter ?? options.PollInterval);
        return video.Status switch
        {
            "completed" or "succeeded" => new ProviderState.Done(),
            "failed" or "cancelled" or "canceled" or "expired" => new ProviderState.Failed(video.FailureOf()),
            _ => new ProviderState.Working(video.Progress, reply.PollAfter ?? options.PollInterval),
        };
    }

    public async Task<Failure?> FetchAsync(ClipOrder order, string providerJob, string path, long lengthMax, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.CallTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var request = Authorized(new HttpRequestMessage(HttpMethod.Get, Url(providerJob) + "/content?variant=video"));
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone) return new Failure(FailureClass.BadOutput, "The provider said done, but has no file.");
            if (!response.IsSuccessStatusCode) return new Failure(FailureClass.Transient, "The clip could not be fetched.") { RetryAfter = RetryAfterOf(response) };
            if (response.Content.Headers.ContentLength > lengthMax) return new Failure(FailureClass.BadOutput, "The clip is larger than anything that was ordered.");
            limit.CancelAfter(Timeout.InfiniteTimeSpan);
            return await CopyAsync(response, path, lengthMax, limit, either.Token);
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return new Failure(FailureClass.Transient, "The clip could not be fetched.");
        }
    }

    public async Task ForgetAsync(ClipOrder order, string providerJob, CancellationToken cancellationToken) =>
        await SendAsync(() => new HttpRequestMessage(HttpMethod.Delete, Url(providerJob)), cancellationToken);

    /// <summary>Bounded in bytes and in silence: every block that comes gives the next one its time.</summary>
    private async Task<Failure?> CopyAsync(HttpResponseMessage response, string path, long lengthMax, CancellationTokenSource limit, CancellationToken token)
    {
        await using var from = await response.Content.ReadAsStreamAsync(token);
        await using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var buffer = new byte[128 * 1024];
        long length = 0;
        while (true)
        {
            limit.CancelAfter(options.StallTimeout);
            var count = await from.ReadAsync(buffer, token);
            if (count == 0) return null;
            length += count;
            if (length > lengthMax) return new Failure(FailureClass.BadOutput, "The clip is larger than anything that was ordered.");
            await file.WriteAsync(buffer.AsMemory(0, count), token);
        }
    }

    private bool IsOf(ClipOrder order, VideoObject video) =>
        (video.Model is null || video.Model == order.Model)
        && (video.Seconds is null || video.Seconds == order.Seconds.ToString(CultureInfo.InvariantCulture))
        && (video.Size is null || video.Size == new FrameSize(order.Width, order.Height).ToString())
        && (video.Prompt is null || video.Prompt == order.Prompt);

    private HttpRequestMessage CreateRequest(ClipOrder order)
    {
        var size = new FrameSize(order.Width, order.Height).ToString();
        var seconds = order.Seconds.ToString(CultureInfo.InvariantCulture);
        var request = new HttpRequestMessage(HttpMethod.Post, _base + "/videos");
        if (order.ReferencePath is null)
        {
            request.Content = JsonContent.Create(new Dictionary<string, string> { ["model"] = order.Model, ["prompt"] = order.Prompt, ["seconds"] = seconds, ["size"] = size });
        }
        else
        {
            var picture = new ByteArrayContent(File.ReadAllBytes(order.ReferencePath));
            picture.Headers.ContentType = new MediaTypeHeaderValue("image/png");
            request.Content = new MultipartFormDataContent
            {
                { new StringContent(order.Model), "model" }, { new StringContent(order.Prompt), "prompt" }, { new StringContent(seconds), "seconds" }, { new StringContent(size), "size" }, { picture, "input_reference", "reference.png" },
            };
        }
        request.Headers.Add("Idempotency-Key", order.Key);
        return request;
    }

    private string Url(string providerJob) => $"{_base}/videos/{Uri.EscapeDataString(providerJob)}";

    private HttpRequestMessage Authorized(HttpRequestMessage request)
    {
        if (options.ApiKey.Length > 0) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", options.ApiKey);
        return request;
    }

    /// <param name="Status">Null when no answer came.</param>
    /// <param name="NeverSent">Set when the request certainly did not reach anybody.</param>
    private sealed record Reply(HttpStatusCode? Status, ReadOnlyMemory<byte> Body, TimeSpan? RetryAfter, TimeSpan? PollAfter, bool NeverSent, string Why);

    private async Task<Reply> SendAsync(Func<HttpRequestMessage> make, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.CallTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var request = Authorized(make());
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            var body = await ReadAsync(response, either.Token);
            return new Reply(response.StatusCode, body, RetryAfterOf(response), PollAfterOf(response), false, $"status {(int)response.StatusCode}");
        }
        catch (HttpRequestException failure) when (failure.HttpRequestError is HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError)
        {
            return new Reply(null, default, null, null, true, failure.Message);
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return new Reply(null, default, null, null, false, failure.Message);
        }
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpResponseMessage response, CancellationToken token)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(token);
        using var buffer = new MemoryStream();
        var block = new byte[16 * 1024];
        int count;
        while ((count = await stream.ReadAsync(block, token)) > 0)
        {
            await buffer.WriteAsync(block.AsMemory(0, count), token);
            if (buffer.Length > ReplyLengthMax) throw new IOException("The provider's reply does not end.");
        }
        return buffer.ToArray();
    }

    private static bool IsSuccess(HttpStatusCode status) => (int)status is >= 200 and < 300;

    private TimeSpan? RetryAfterOf(HttpResponseMessage response)
    {
        var asked = response.Headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } when date > time.GetUtcNow() => date - time.GetUtcNow(),
            _ => (TimeSpan?)null,
        };
        return asked > RetryAfterMax ? RetryAfterMax : asked;
    }

    private static TimeSpan? PollAfterOf(HttpResponseMessage response) =>
        response.Headers.TryGetValues("openai-poll-after-ms", out var values) && int.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
            ? TimeSpan.FromMilliseconds(Math.Clamp(milliseconds, 50, PollAfterMax.TotalMilliseconds))
            : null;
}
