using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using SkyRiff.App.Hosting;
using SkyRiff.App.Instances;

namespace SkyRiff.Bench.Main;

/// <summary>
/// A thousand jobs in flight on one worker: a provider that takes half a minute to five and a half for each, the whole path from order to stored clip behind it. Reports jobs per
/// hour, how long after "done" we saw it, and the processor time of this process (server, worker and the stub) and of its ffmpeg children per job.
/// </summary>
internal static class OrchestrationSuite
{
    private const int Users = 50;
    private static readonly TimeSpan AskInterval = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan AskAllInterval = TimeSpan.FromSeconds(30);

    public static async Task RunAsync(bool quick, string resultsDir, CancellationToken cancellationToken)
    {
        var (jobs, shortest, longest) = quick ? (200, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(65)) : (1_000, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(330));
        var folder = Directory.CreateTempSubdirectory("skyriff-bench-");
        try
        {
            var (port, stubPort) = (AcceptSuite.FreePort(), AcceptSuite.FreePort());
            await using var stub = await StubProvider.StartAsync(stubPort, await SmallClipAsync(folder.FullName, cancellationToken), shortest, longest, cancellationToken);
            await using var instance = await Instance.OpenAsync(new DirectoryInfo(Path.Combine(folder.FullName, "data")), null, Settings(port, stubPort, jobs), NullLoggerFactory.Instance, new Progress<string>(), cancellationToken);
            await using var server = Server.Build(instance.Configuration, instance.MasterKey, logging => logging.SetMinimumLevel(LogLevel.Error));
            await server.StartAsync(new Progress<string>(), cancellationToken);
            try
            {
                var tokens = await RegisterAsync(port, cancellationToken);

                var self = Process.GetCurrentProcess();
                var (cpuBefore, childrenBefore) = (self.TotalProcessorTime, ChildrenCpu());
                var began = Stopwatch.GetTimestamp();
                var ids = await OrderAsync(port, tokens, jobs, cancellationToken);
                var (inFlightMax, open) = (0, ids.Select(some => some.ToHashSet()).ToArray());
                var (asked, askedAt) = (0, began);
                while (Array.Exists(open, some => some.Count > 0))
                {
                    await Task.Delay(AskInterval, cancellationToken);
                    inFlightMax = Math.Max(inFlightMax, stub.Created - stub.HandedOut);
                    // Asking is work for the server too: all who wait are asked seldom, to see a clip that failed; else one, and the next when that one has all.
                    var askAll = Stopwatch.GetElapsedTime(askedAt) > AskAllInterval;
                    if (askAll) askedAt = Stopwatch.GetTimestamp();
                    if (askAll || stub.HandedOut == jobs) asked += await AskAsync(port, tokens, open, askAll, cancellationToken);
                    Console.Write($"\r{Stopwatch.GetElapsedTime(began).TotalSeconds:0} s: {stub.Created} at the provider, {stub.HandedOut} fetched, {jobs - open.Sum(some => some.Count)} of {jobs} known to be ready ");
                }
                Console.WriteLine();
                var took = Stopwatch.GetElapsedTime(began);
                self.Refresh();

                var results = new Results("orchestration");
                var delays = stub.Delays.Select(delay => delay.TotalSeconds).Order().ToList();
                results.Add("orchestration.jobs", "jobs", jobs);
                results.Add("orchestration.provider_creations", "calls", stub.Created);
                results.Add("orchestration.in_flight_max", "jobs", inFlightMax);
                results.Add("orchestration.jobs_per_hour", "1/h", jobs / took.TotalHours);
                results.Add("orchestration.done_to_seen_p50", "s", delays[delays.Count / 2]);
                results.Add("orchestration.done_to_seen_p95", "s", delays[(int)(delays.Count * 0.95)]);
                results.Add("orchestration.done_to_seen_max", "s", delays[^1]);
                results.Add("orchestration.process_cpu_ms_per_job", "ms", (self.TotalProcessorTime - cpuBefore).TotalMilliseconds / jobs);
                results.Add("orchestration.ffmpeg_cpu_ms_per_job", "ms", (ChildrenCpu() - childrenBefore).TotalMilliseconds / jobs);
                results.Add("orchestration.polls_per_job", "calls", (double)stub.Polls / jobs);
                results.Add("orchestration.questions_of_the_bench", "calls", asked);
                results.Print(Console.Out);
                await results.WriteAsync(resultsDir, cancellationToken);
            }
            finally
            {
                await server.StopAsync(); // also when interrupted: its tools still write into the folder
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Dictionary<string, string?> Settings(int port, int stubPort, int jobs) => new()
    {
        ["App:Port"] = port.ToString(CultureInfo.InvariantCulture),
        ["Payments:StarterCredits"] = "1000000",
        ["Payments:Plans:0:Id"] = "free",
        ["Payments:Plans:0:Name"] = "Free",
        ["Payments:Plans:0:GenerationsPerDay"] = "100000",
        ["Payments:Plans:0:GenerationsAtOnce"] = "1000",
        ["Videos:Studio:Enabled"] = "false",
        ["Videos:OpenAiVideos:stub:BaseUrl"] = $"http://127.0.0.1:{stubPort}/v1",
        ["Videos:OpenAiVideos:stub:ConcurrencyMax"] = jobs.ToString(CultureInfo.InvariantCulture),
        ["Videos:OpenAiVideos:stub:Models:0:Id"] = "stub-1",
        ["Videos:OpenAiVideos:stub:Models:0:Seconds:0"] = "1",
        ["Videos:OpenAiVideos:stub:Models:0:Sizes:0"] = "128x128",
    };

    private static async Task<string[]> RegisterAsync(int port, CancellationToken cancellationToken)
    {
        var tokens = new string[Users];
        for (var i = 0; i < Users; i++)
        {
            using var json = await CallAsync(port, HttpCaller.Request("POST", "/api/v1/auth/register", null, null, $$"""{"handle":"bench{{i}}","email":"bench{{i}}@example.org","password":"correct horse"}"""), cancellationToken);
            tokens[i] = json.RootElement.GetProperty("accessToken").GetString()!;
        }
        return tokens;
    }

    private static async Task<List<string>[]> OrderAsync(int port, string[] tokens, int jobs, CancellationToken cancellationToken)
    {
        var ids = tokens.Select(_ => new List<string>()).ToArray();
        for (var i = 0; i < jobs; i++)
        {
            using var json = await CallAsync(port, HttpCaller.Request("POST", "/api/v1/generations", tokens[i % Users], Guid.NewGuid().ToString("N"), """{"prompt":"orchestrated"}"""), cancellationToken);
            ids[i % Users].Add(json.RootElement.GetProperty("id").GetString()!);
        }
        return ids;
    }

    /// <summary>
    /// Takes out of <paramref name="open"/> what is ready, asking only those who wait for something, and unless <paramref name="askAll"/> only until one of them goes on waiting;
    /// answers how many were asked.
    /// </summary>
    private static async Task<int> AskAsync(int port, string[] tokens, HashSet<string>[] open, bool askAll, CancellationToken cancellationToken)
    {
        var (asked, waits) = (0, false);
        for (var user = 0; user < Users && (askAll || !waits); user++)
        {
            if (open[user].Count == 0) continue;
            asked++;
            using var json = await CallAsync(port, HttpCaller.Request("GET", $"/api/v1/generations?limit=100", tokens[user], null, ""), cancellationToken);
            foreach (var item in json.RootElement.GetProperty("items").EnumerateArray())
            {
                var status = item.GetProperty("status").GetString();
                if (status is "failed" or "cancelled") throw new InvalidOperationException("A generation failed: " + item.GetRawText());
                if (status == "ready") open[user].Remove(item.GetProperty("id").GetString()!);
            }
            waits |= open[user].Count > 0;
        }
        return asked;
    }

    private static async Task<JsonDocument> CallAsync(int port, byte[] request, CancellationToken cancellationToken)
    {
        using var caller = new HttpCaller(port);
        await caller.ConnectAsync(cancellationToken);
        var (status, body) = await caller.SendAsync(request, cancellationToken);
        return status is >= 200 and < 300 ? JsonDocument.Parse(body) : throw new InvalidOperationException($"The server answered {status}: {System.Text.Encoding.UTF8.GetString(body.Span)}");
    }

    /// <summary>A real clip, small enough that packaging it costs little beside what is measured.</summary>
    private static async Task<byte[]> SmallClipAsync(string folder, CancellationToken cancellationToken)
    {
        var path = Path.Combine(folder, "clip.mp4");
        using var ffmpeg = Process.Start(new ProcessStartInfo("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=128x128:r=12:d=1", "-pix_fmt", "yuv420p", "-y", path]) { UseShellExecute = false }) ?? throw new InvalidOperationException("ffmpeg did not start.");
        await ffmpeg.WaitForExitAsync(cancellationToken);
        return await File.ReadAllBytesAsync(path, cancellationToken);
    }

    /// <summary>Processor time of children that have ended, from /proc (clock ticks of 10 ms).</summary>
    private static TimeSpan ChildrenCpu()
    {
        var fields = File.ReadAllText("/proc/self/stat").Split(") ", 2)[1].Split(' ');
        return TimeSpan.FromMilliseconds((long.Parse(fields[13], CultureInfo.InvariantCulture) + long.Parse(fields[14], CultureInfo.InvariantCulture)) * 10);
    }
}
