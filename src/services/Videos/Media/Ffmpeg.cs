using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace SkyRiff.Videos.Media;

/// <summary>One run of ffmpeg or ffprobe.</summary>
internal sealed record FfmpegRun
{
    /// <summary>The working folder; every file the run names lies in it, or is given as <c>file:</c> with a full path.</summary>
    public required string Folder { get; init; }

    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>Writes what the program reads from <c>pipe:0</c>; without it there is nothing to read.</summary>
    public Func<Stream, CancellationToken, Task>? Input { get; init; }

    /// <summary>Bytes of standard output to keep; more is <see cref="FfmpegFault.OutputTooLarge"/>.</summary>
    public int OutputLengthMax { get; init; } = 1 << 20;

    /// <summary>Called with the position in the output, from <c>-progress pipe:1</c>; standard output is then not kept.</summary>
    public Action<TimeSpan>? Progress { get; init; }
}

/// <summary>
/// Runs ffmpeg and ffprobe: an own process, an argument list and never a shell, no terminal, no network (file and pipe only), confined as
/// <see cref="Confinement"/> says, killed when cancelled or late. The callers force demuxers and name the files.
/// </summary>
internal sealed class Ffmpeg(MediaOptions options, TimeProvider time)
{
    private const int DiagnosticsLengthMax = 8 << 10;
    private const int SignalBase = 128;
    private const int FileSizeSignal = 25;
    private const int CpuSignal = 24;
    private const int KillSignal = 9;

    private readonly Confinement _confinement = new();

    public MediaOptions Options { get; } = options.Validate();

    /// <summary>Standard output of <c>ffprobe</c> with the arguments.</summary>
    public Task<byte[]> ProbeAsync(FfmpegRun run, CancellationToken token) =>
        RunAsync(Options.FfprobePath, ["-hide_banner", "-v", "error"], run, token);

    /// <summary>Standard output of <c>ffmpeg</c> with the arguments; empty when progress was asked for.</summary>
    public Task<byte[]> RunAsync(FfmpegRun run, CancellationToken token)
    {
        List<string> common = ["-hide_banner", "-v", "error", "-nostats", "-nostdin", "-y"];
        if (run.Progress is not null) common.AddRange(["-progress", "pipe:1", "-stats_period", "0.2"]);
        return RunAsync(Options.FfmpegPath, common, run, token);
    }

    private async Task<byte[]> RunAsync(string program, IReadOnlyList<string> common, FfmpegRun run, CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        using var process = await StartAsync(program, common, run, token);
        using var late = new CancellationTokenSource(Options.RunDurationMax, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(token, late.Token);

        var diagnostics = ReadTailAsync(process.StandardError.BaseStream, stop.Token);
        var output = run.Progress is null
            ? ReadAllAsync(process.StandardOutput.BaseStream, run.OutputLengthMax, stop.Token)
            : ReadProgressAsync(process.StandardOutput, run.Progress, stop.Token);
        var input = FeedAsync(process, run.Input, stop.Token);
        try
        {
            // Whichever of these fails first ends the run; an input that stopped early because the program died does not fail by itself.
            await foreach (var done in Task.WhenEach(input, output, process.WaitForExitAsync(stop.Token)).WithCancellation(CancellationToken.None))
                await done;
        }
        catch (Exception failure)
        {
            await KillAsync(process);
            await Task.WhenAll(input, output, diagnostics).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            token.ThrowIfCancellationRequested();
            if (late.IsCancellationRequested) throw Fault(FfmpegFault.TimedOut, program, await TailOf(diagnostics));
            if (failure is FfmpegException or OperationCanceledException) throw;
            if (failure is IOException) throw Fault(FfmpegFault.Failed, program, await TailOf(diagnostics), failure);
            throw;
        }

        var said = await TailOf(diagnostics);
        return process.ExitCode == 0 ? await output : throw Fault(KindOf(process.ExitCode, said), program, said);
    }

    private async Task<Process> StartAsync(string program, IReadOnlyList<string> common, FfmpegRun run, CancellationToken token)
    {
        var path = Confinement.Find(program) ?? throw Fault(FfmpegFault.Missing, program, "");
        string[] words = [.. _confinement.Prefix(Options), path, .. common, .. run.Arguments];
        var info = new ProcessStartInfo(words[0], words[1..])
        {
            WorkingDirectory = run.Folder,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        info.Environment.Clear(); // our secrets are none of its business
        info.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        info.Environment["LANG"] = "C.UTF-8";
        info.Environment["AV_LOG_FORCE_NOCOLOR"] = "1";
        try
        {
            return await ProcessStarter.StartAsync(info, token);
        }
        catch (Win32Exception failure)
        {
            throw Fault(FfmpegFault.Missing, program, "", failure);
        }
    }

    /// <summary>A broken pipe is no failure here: the program ended, and its exit code tells why.</summary>
    private static async Task FeedAsync(Process process, Func<Stream, CancellationToken, Task>? input, CancellationToken token)
    {
        var pipe = process.StandardInput.BaseStream;
        try
        {
            if (input is not null) await input(new PipeStream(pipe), token);
        }
        catch (BrokenPipeException)
        {
            // As above.
        }
        finally
        {
            try
            {
                await pipe.DisposeAsync();
            }
            catch (IOException)
            {
                // As above.
            }
        }
    }

    private static async Task<byte[]> ReadAllAsync(Stream output, int lengthMax, CancellationToken token)
    {
        using var all = new MemoryStream();
        var buffer = new byte[16 << 10];
        while (true)
        {
            var count = await output.ReadAsync(buffer, token);
            if (count == 0) return all.ToArray();
            if (all.Length + count > lengthMax) throw new FfmpegException(FfmpegFault.OutputTooLarge, "A media tool said more than is read.", "");
            await all.WriteAsync(buffer.AsMemory(0, count), token);
        }
    }

    private static async Task<byte[]> ReadProgressAsync(StreamReader output, Action<TimeSpan> progress, CancellationToken token)
    {
        while (await output.ReadLineAsync(token) is { } line)
        {
            if (line.StartsWith("out_time_us=", StringComparison.Ordinal)
                && long.TryParse(line.AsSpan(12), NumberStyles.None, CultureInfo.InvariantCulture, out var microseconds))
                progress(TimeSpan.FromMicroseconds(microseconds));
        }

        return [];
    }

    /// <summary>Reads all, keeps the end: the first lines are rarely the reason, and a hostile file can cause any number of them.</summary>
    private static async Task<string> ReadTailAsync(Stream errors, CancellationToken token)
    {
        var kept = new byte[DiagnosticsLengthMax * 2];
        var length = 0;
        while (true)
        {
            var count = await errors.ReadAsync(kept.AsMemory(length), token);
            if (count == 0) break;
            length += count;
            if (length <= DiagnosticsLengthMax) continue;
            kept.AsSpan(length - DiagnosticsLengthMax, DiagnosticsLengthMax).CopyTo(kept);
            length = DiagnosticsLengthMax;
        }

        return Encoding.UTF8.GetString(kept, 0, length);
    }

    private static async Task<string> TailOf(Task<string> diagnostics)
    {
        await ((Task)diagnostics).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return diagnostics.IsCompletedSuccessfully ? await diagnostics : "";
    }

    private static async Task KillAsync(Process process)
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It ended meanwhile.
        }

        await process.WaitForExitAsync(CancellationToken.None);
    }

    private static FfmpegFault KindOf(int exitCode, string said) => exitCode switch
    {
        SignalBase + FileSizeSignal => FfmpegFault.OutputTooLarge,
        SignalBase + CpuSignal or SignalBase + KillSignal => FfmpegFault.TimedOut, // the hard CPU limit kills
        _ when said.Contains("File too large", StringComparison.Ordinal) => FfmpegFault.OutputTooLarge,
        _ when said.Contains("No space left on device", StringComparison.Ordinal) => FfmpegFault.NoSpace,
        _ when said.Contains("received signal 24", StringComparison.Ordinal) => FfmpegFault.TimedOut,
        _ => FfmpegFault.Failed,
    };

    private static FfmpegException Fault(FfmpegFault kind, string program, string said, Exception? inner = null) =>
        new(kind, $"{Path.GetFileName(program)} gave nothing", said, inner);
}
