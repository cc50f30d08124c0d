using Microsoft.AspNetCore.Http;

namespace SkyRiff.SystemTests.Kit;

/// <summary>How the stub treats the orders of one prompt.</summary>
internal sealed record Script
{
    public static readonly Script Honest = new();

    public Func<CreateCall, Task> Create { get; init; } = call => call.AcceptAsync();

    public Func<HttpContext, StubVideo, Task> Status { get; init; } = Faults.DoneAfter(polls: 2);

    public Func<HttpContext, StubVideo, byte[], Task> Content { get; init; } = Faults.ClipAsync;
}

/// <summary>What can go wrong with somebody else's service.</summary>
internal static class Faults
{
    /// <summary>Until the caller hangs up.</summary>
    public static async Task SilenceAsync(HttpContext http)
    {
        var hungUp = new TaskCompletionSource();
        await using (http.RequestAborted.Register(hungUp.SetResult)) await hungUp.Task;
    }

    public static Task DropAsync(HttpContext http)
    {
        http.Abort();
        return Task.CompletedTask;
    }

    public static Task ErrorAsync(HttpContext http, int status, string code, string? retryAfter = null)
    {
        http.Response.StatusCode = status;
        if (retryAfter is not null) http.Response.Headers.RetryAfter = retryAfter;
        return http.Response.WriteAsJsonAsync(new { error = new { code, message = $"It is {code}.", type = "error" } }, http.RequestAborted);
    }

    public static Task RedirectAsync(HttpContext http, string to, int status)
    {
        http.Response.StatusCode = status;
        http.Response.Headers.Location = to;
        return Task.CompletedTask;
    }

    public static Func<HttpContext, StubVideo, Task> DoneAfter(int polls) => (http, video) =>
    {
        http.Response.Headers["openai-poll-after-ms"] = "100";
        return http.Response.WriteAsJsonAsync(video.Polls > polls ? video.Json("completed", 100) : video.Json("in_progress", Math.Min(99, 100 * video.Polls / (polls + 1))), http.RequestAborted);
    };

    public static Func<HttpContext, StubVideo, Task> FailsWith(string code) => (http, video) =>
        http.Response.WriteAsJsonAsync(video.Polls > 1 ? video.Json("failed", 40, new { code, message = $"It is {code}." }) : video.Json("in_progress", 20), http.RequestAborted);

    /// <summary>Working until the gate opens, then done.</summary>
    public static Func<HttpContext, StubVideo, Task> DoneWhen(Func<bool> open) => (http, video) =>
        http.Response.WriteAsJsonAsync(open() ? video.Json("completed", 100) : video.Json("in_progress", 50), http.RequestAborted);

    public static Task ClipAsync(HttpContext http, StubVideo video, byte[] clip)
    {
        http.Response.ContentType = "video/mp4";
        return http.Response.Body.WriteAsync(clip, http.RequestAborted).AsTask();
    }

    public static Func<HttpContext, StubVideo, byte[], Task> Bytes(Func<byte[], byte[]> of) => (http, video, clip) => ClipAsync(http, video, of(clip));

    /// <summary>A head that is a clip's, and then no end.</summary>
    public static async Task EndlessAsync(HttpContext http, StubVideo video, byte[] clip)
    {
        const long TenGigabytes = 10L << 30;
        var block = new byte[1 << 20];
        clip.AsSpan(0, Math.Min(clip.Length, block.Length)).CopyTo(block);
        http.Response.ContentType = "video/mp4";
        try
        {
            for (long sent = 0; sent < TenGigabytes; sent += block.Length) await http.Response.Body.WriteAsync(block, http.RequestAborted);
        }
        catch (Exception hungUp) when (hungUp is OperationCanceledException or IOException)
        {
            // as it should
        }
    }

    /// <summary>A byte now and then, for ever: no silence is long enough to be one.</summary>
    public static async Task DripAsync(HttpContext http, StubVideo video, byte[] clip)
    {
        using var slow = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        try
        {
            for (var i = 0; ; i++)
            {
                await http.Response.Body.WriteAsync(clip.AsMemory(i % clip.Length, 1), http.RequestAborted);
                await http.Response.Body.FlushAsync(http.RequestAborted);
                await slow.WaitForNextTickAsync(http.RequestAborted);
            }
        }
        catch (Exception hungUp) when (hungUp is OperationCanceledException or IOException)
        {
            // as it should
        }
    }

    /// <summary>The first half, and then nothing.</summary>
    public static async Task HalfAsync(HttpContext http, StubVideo video, byte[] clip)
    {
        http.Response.ContentLength = clip.Length;
        await http.Response.Body.WriteAsync(clip.AsMemory(0, clip.Length / 2), http.RequestAborted);
        await http.Response.Body.FlushAsync(http.RequestAborted);
        await SilenceAsync(http);
    }

    /// <summary>JSON of 8 MB, well formed.</summary>
    public static async Task HugeAsync(HttpContext http)
    {
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync("{\"id\":\"video_huge\",\"status\":\"queued\",\"padding\":\"", http.RequestAborted);
        var padding = new string('x', 1 << 16);
        try
        {
            for (var i = 0; i < 128; i++) await http.Response.WriteAsync(padding, http.RequestAborted);
            await http.Response.WriteAsync("\"}", http.RequestAborted);
        }
        catch (Exception hungUp) when (hungUp is OperationCanceledException or IOException)
        {
            // as it should
        }
    }

    /// <summary>The first so many calls of a prompt go one way, the rest another.</summary>
    public static Func<CreateCall, Task> First(int calls, Func<CreateCall, Task> then, Func<CreateCall, Task>? after = null) =>
        call => call.Nth <= calls ? then(call) : (after ?? (rest => rest.AcceptAsync()))(call);
}
