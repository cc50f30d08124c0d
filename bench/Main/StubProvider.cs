using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace SkyRiff.Bench.Main;

/// <summary>A provider of the /v1/videos dialect that takes a while for each job and then hands out one small clip; it notes when each job was done and when somebody first saw that.</summary>
internal sealed class StubProvider : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, Job> _jobs = new();
    private readonly byte[] _clip;
    private readonly TimeSpan _shortest;
    private readonly TimeSpan _longest;
    private int _created;
    private int _handedOut;
    private long _polls;

    private StubProvider(WebApplication app, byte[] clip, TimeSpan shortest, TimeSpan longest) => (_app, _clip, _shortest, _longest) = (app, clip, shortest, longest);

    public int Created => _created;

    /// <summary>Jobs whose clip was fetched.</summary>
    public int HandedOut => Volatile.Read(ref _handedOut);

    public long Polls => Interlocked.Read(ref _polls);

    /// <summary>From done to seen, for every job that was seen done.</summary>
    public IReadOnlyList<TimeSpan> Delays => [.. _jobs.Values.Where(job => job.SeenAt != 0).Select(job => Stopwatch.GetElapsedTime(job.DoneAt, job.SeenAt))];

    public static async Task<StubProvider> StartAsync(int port, byte[] clip, TimeSpan shortest, TimeSpan longest, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        var app = builder.Build();
        var stub = new StubProvider(app, clip, shortest, longest);
        app.MapPost("/v1/videos", stub.Create);
        app.MapGet("/v1/videos/{id}", stub.Show);
        app.MapGet("/v1/videos/{id}/content", stub.Content);
        app.MapDelete("/v1/videos/{id}", (string id) => Microsoft.AspNetCore.Http.Results.Json(new { id, deleted = true }));
        await app.StartAsync(cancellationToken);
        return stub;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private IResult Create()
    {
        var number = Interlocked.Increment(ref _created);
        var share = number * 0.618_033_988_75 % 1; // spread evenly, the same in every run
        var job = new Job("video_" + number, Stopwatch.GetTimestamp() + (long)((_shortest + ((_longest - _shortest) * share)).TotalSeconds * Stopwatch.Frequency));
        _jobs[job.Id] = job;
        return Microsoft.AspNetCore.Http.Results.Json(View(job));
    }

    private IResult Show(string id)
    {
        Interlocked.Increment(ref _polls);
        if (!_jobs.TryGetValue(id, out var job)) return Microsoft.AspNetCore.Http.Results.NotFound();
        var now = Stopwatch.GetTimestamp();
        if (now >= job.DoneAt && job.SeenAt == 0) job.SeenAt = now;
        return Microsoft.AspNetCore.Http.Results.Json(View(job));
    }

    private IResult Content(string id)
    {
        if (!_jobs.TryGetValue(id, out var job)) return Microsoft.AspNetCore.Http.Results.NotFound();
        if (job.HandOut()) Interlocked.Increment(ref _handedOut);
        return Microsoft.AspNetCore.Http.Results.Bytes(_clip, "video/mp4");
    }

    private static object View(Job job) => new { id = job.Id, @object = "video", status = Stopwatch.GetTimestamp() >= job.DoneAt ? "completed" : "in_progress", progress = 50, created_at = 1, model = "stub-1", seconds = "1", size = "128x128" };

    private sealed class Job(string id, long doneAt)
    {
        private int _fetched;

        public string Id { get; } = id;

        public long DoneAt { get; } = doneAt;

        public long SeenAt { get; set; }

        /// <summary>True for the first fetch.</summary>
        public bool HandOut() => Interlocked.Exchange(ref _fetched, 1) == 0;
    }
}
