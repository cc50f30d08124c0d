using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace SkyRiff.Bench.Main;

/// <summary>
/// What a newcomer waits for: the first start on an empty folder, a warm start, the idle program's memory, and how long after the click the first rendition of a 4 s
/// 1280x720 clip can be played on two cores. The program is the one that <c>./skyriff build</c> made, as a process of its own.
/// </summary>
internal static class StartSuite
{
    private static readonly TimeSpan IdleFor = TimeSpan.FromSeconds(15);

    public static async Task RunAsync(bool quick, string resultsDir, CancellationToken cancellationToken)
    {
        var rounds = quick ? 2 : 5;
        var home = Path.GetFullPath(Path.Combine(resultsDir, "..", ".."));
        var results = new Results("start");
        for (var round = 1; round <= rounds; round++)
        {
            var folder = Directory.CreateTempSubdirectory("skyriff-bench-");
            try
            {
                var data = Path.Combine(folder.FullName, "data");
                results.Add("start.first_without_build", "s", await StartAndStopAsync(home, data, null, cancellationToken));
                results.Add("start.warm", "s", await StartAndStopAsync(home, data, null, cancellationToken));
                results.Add("start.warm_through_the_shell", "s", await StartAndStopAsync(home, data, null, cancellationToken, throughShell: true));
                await StartAndStopAsync(home, data, async (port, process) =>
                {
                    await Task.Delay(IdleFor, cancellationToken);
                    results.Add("start.idle_rss", "MB", Rss(process));
                    var (playable, ready) = await ClipAsync(port, round, cancellationToken);
                    results.Add("clip.first_rendition_playable_2_cores", "s", playable);
                    results.Add("clip.ready_2_cores", "s", ready);
                    await Task.Delay(TimeSpan.FromSeconds(5), cancellationToken);
                    results.Add("start.rss_after_a_clip", "MB", Rss(process));
                }, cancellationToken, cores: "0,1");
                Console.WriteLine($"round {round} of {rounds} done");
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        }
        results.Print(Console.Out);
        await results.WriteAsync(resultsDir, cancellationToken);
    }

    /// <summary>Seconds from launch until it is ready.</summary>
    private static async Task<double> StartAndStopAsync(string home, string data, Func<int, Process, Task>? meanwhile, CancellationToken cancellationToken, string? cores = null, bool throughShell = false)
    {
        var port = AcceptSuite.FreePort();
        var program = throughShell ? Path.Combine(home, "skyriff") : await ProgramAsync(home, cancellationToken);
        List<string> command = [program, "up", "--data", data, "--port", port.ToString(CultureInfo.InvariantCulture)];
        if (cores is not null) command.InsertRange(0, ["taskset", "-c", cores]);
        var start = new ProcessStartInfo(command[0], command[1..]) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["SKYRIFF_HOME"] = home;
        var began = Stopwatch.GetTimestamp();
        using var process = Process.Start(start) ?? throw new InvalidOperationException("The program did not start.");
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        try
        {
            while (!await IsReadyAsync(port, cancellationToken))
            {
                if (process.HasExited) throw new InvalidOperationException($"The program ended with {process.ExitCode}; ./skyriff build makes it.");
                await Task.Delay(5, cancellationToken);
            }
            var took = Stopwatch.GetElapsedTime(began).TotalSeconds;
            if (meanwhile is not null) await meanwhile(port, process);
            return took;
        }
        finally
        {
            using var kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync(CancellationToken.None);
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static async Task<string> ProgramAsync(string home, CancellationToken cancellationToken) =>
        Path.Combine(home, "artifacts", "server", (await File.ReadAllTextAsync(Path.Combine(home, "artifacts", "stamps", "server"), cancellationToken)).Trim(), "skyriff");

    private static async Task<bool> IsReadyAsync(int port, CancellationToken cancellationToken)
    {
        try
        {
            using var caller = new HttpCaller(port);
            await caller.ConnectAsync(cancellationToken);
            await caller.SendAsync(Encoding.ASCII.GetBytes("GET /health/ready HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), cancellationToken);
            return true;
        }
        catch (Exception notYet) when (notYet is System.Net.Sockets.SocketException or IOException)
        {
            return false;
        }
    }

    /// <summary>From the click (the order is sent) until the first rendition is told of, and until all is ready; polled every 20 ms.</summary>
    private static async Task<(double Playable, double Ready)> ClipAsync(int port, int number, CancellationToken cancellationToken)
    {
        using var caller = new HttpCaller(port);
        await caller.ConnectAsync(cancellationToken);
        var (_, registered) = await caller.SendAsync(HttpCaller.Request("POST", "/api/v1/auth/register", null, null, $$"""{"handle":"clip{{number}}","email":"clip{{number}}@example.org","password":"correct horse"}"""), cancellationToken);
        var token = Text(registered, "accessToken");
        var began = Stopwatch.GetTimestamp();
        var (_, ordered) = await caller.SendAsync(HttpCaller.Request("POST", "/api/v1/generations", token, Guid.NewGuid().ToString("N"), """{"prompt":"a lighthouse above a rough sea at sunset","seconds":4,"size":"1280x720"}"""), cancellationToken);
        var id = Text(ordered, "id");
        double? playable = null;
        while (true)
        {
            var (_, body) = await caller.SendAsync(HttpCaller.Request("GET", "/api/v1/generations/" + id, token, null, ""), cancellationToken);
            using var json = JsonDocument.Parse(body);
            var now = Stopwatch.GetElapsedTime(began).TotalSeconds;
            if (playable is null && json.RootElement.GetProperty("preview").ValueKind is JsonValueKind.Object) playable = now;
            switch (json.RootElement.GetProperty("status").GetString())
            {
                case "ready":
                    return (playable ?? now, now);
                case "failed":
                    throw new InvalidOperationException("The clip failed: " + json.RootElement.GetRawText());
            }
            await Task.Delay(20, cancellationToken);
        }
    }

    private static string Text(ReadOnlyMemory<byte> body, string member)
    {
        using var json = JsonDocument.Parse(body);
        return json.RootElement.GetProperty(member).GetString()!;
    }

    private static double Rss(Process process)
    {
        process.Refresh();
        return process.WorkingSet64 / 1e6;
    }
}
