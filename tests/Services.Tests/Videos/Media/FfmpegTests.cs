using System.Diagnostics;
using Shouldly;
using SkyRiff.Videos.Media;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Media;

public sealed class FfmpegTests
{
    private static readonly string[] Endless = ["-re", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10", "-f", "null", "-"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_program_that_is_not_there_is_missing()
    {
        using var kit = new MediaKit(options => options with { FfmpegPath = "no-such-ffmpeg" });

        (await FaultAsync(kit, "-version")).Kind.ShouldBe(FfmpegFault.Missing);
    }

    [Fact]
    public async Task A_bad_input_fails_and_says_why_in_bounded_words()
    {
        using var kit = new MediaKit();

        var fault = await FaultAsync(kit, "-f", "mov", "-i", "file:no-such-file.mp4", "-f", "null", "-");

        fault.Kind.ShouldBe(FfmpegFault.Failed);
        fault.Diagnostics.ShouldContain("No such file");
        fault.Message.ShouldNotContain("no-such-file");
    }

    [Fact]
    public async Task A_cancelled_run_is_killed_at_once()
    {
        using var kit = new MediaKit();
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var run = new FfmpegRun { Folder = kit.Folder, Arguments = Endless, Progress = _ => cancelled.Cancel() };

        await Should.ThrowAsync<OperationCanceledException>(() => kit.Ffmpeg.RunAsync(run, cancelled.Token));

        ChildrenIn(kit.Folder).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_late_run_is_killed_and_told_from_a_cancelled_one()
    {
        using var kit = new MediaKit(options => options with { RunDurationMax = TimeSpan.FromSeconds(1) });

        (await FaultAsync(kit, Endless)).Kind.ShouldBe(FfmpegFault.TimedOut);

        ChildrenIn(kit.Folder).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_file_over_its_limit_stops_the_run()
    {
        using var kit = new MediaKit(options => options with { OutputBytesMax = 1 << 20 });

        var fault = await FaultAsync(kit, "-f", "lavfi", "-i", "testsrc2=s=640x360:d=2", "-f", "rawvideo", "file:big.raw");

        fault.Kind.ShouldBe(FfmpegFault.OutputTooLarge);
        new FileInfo(kit.File("big.raw")).Length.ShouldBeLessThanOrEqualTo(1 << 20);
    }

    [Fact]
    public async Task More_output_than_is_read_stops_the_run()
    {
        using var kit = new MediaKit();
        var run = new FfmpegRun { Folder = kit.Folder, Arguments = ["-f", "lavfi", "-i", "testsrc2=s=640x360:d=20", "-f", "rawvideo", "pipe:1"], OutputLengthMax = 1000 };

        (await Should.ThrowAsync<FfmpegException>(() => kit.Ffmpeg.RunAsync(run, Token))).Kind.ShouldBe(FfmpegFault.OutputTooLarge);

        ChildrenIn(kit.Folder).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_full_scratch_disk_is_told_from_a_bad_input()
    {
        using var kit = new MediaKit();
        var mount = Directory.CreateDirectory(kit.File("small")).FullName;
        if (!Mount(mount)) Assert.Skip("Making a small disk needs the right to mount.");
        try
        {
            var run = new FfmpegRun { Folder = mount, Arguments = ["-f", "lavfi", "-i", "testsrc2=s=640x360:d=2", "-f", "rawvideo", "file:big.raw"] };

            (await Should.ThrowAsync<FfmpegException>(() => kit.Ffmpeg.RunAsync(run, Token))).Kind.ShouldBe(FfmpegFault.NoSpace);
        }
        finally
        {
            using var unmount = Process.Start("umount", mount);
            await unmount.WaitForExitAsync(CancellationToken.None);
        }
    }

    [Fact]
    public async Task A_network_address_is_refused_by_the_protocol_list()
    {
        using var kit = new MediaKit();

        var fault = await FaultAsync(kit, "-protocol_whitelist", "file,pipe", "-f", "mov", "-i", "http://127.0.0.1:9/clip.mp4", "-f", "null", "-");

        fault.Diagnostics.ShouldContain("not on whitelist");
    }

    [Fact]
    public async Task Our_environment_is_not_handed_down()
    {
        using var kit = new MediaKit();
        Environment.SetEnvironmentVariable("SKYRIFF_TEST_CANARY", "canary");
        try
        {
            // A script stands in for the program and prints what it got.
            var script = kit.File("env.sh");
            await File.WriteAllTextAsync(script, "#!/bin/sh\nenv\n", Token);
            using (var chmod = Process.Start("chmod", ["500", script])) await chmod.WaitForExitAsync(Token);
            var printing = new Ffmpeg(kit.Ffmpeg.Options with { FfmpegPath = script }, TimeProvider.System);

            var said = System.Text.Encoding.UTF8.GetString(await printing.RunAsync(new FfmpegRun { Folder = kit.Folder, Arguments = [] }, Token));

            said.ShouldContain("PATH=");
            said.ShouldNotContain("canary");
        }
        finally
        {
            Environment.SetEnvironmentVariable("SKYRIFF_TEST_CANARY", null);
        }
    }

    [Fact]
    public async Task An_input_that_fails_ends_the_run_with_its_own_error()
    {
        using var kit = new MediaKit();
        var run = new FfmpegRun
        {
            Folder = kit.Folder,
            Arguments = ["-f", "rawvideo", "-s", "64x64", "-pix_fmt", "gray", "-i", "pipe:0", "-f", "null", "-"],
            Input = async (pipe, token) =>
            {
                await pipe.WriteAsync(new byte[64 * 64], token);
                throw new InvalidTimeZoneException("the painter slipped");
            },
        };

        await Should.ThrowAsync<InvalidTimeZoneException>(() => kit.Ffmpeg.RunAsync(run, Token));

        ChildrenIn(kit.Folder).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_program_that_dies_while_it_is_fed_tells_its_own_reason()
    {
        using var kit = new MediaKit();
        var run = new FfmpegRun
        {
            Folder = kit.Folder,
            Arguments = ["-f", "no-such-format", "-i", "pipe:0", "-f", "null", "-"],
            Input = async (pipe, token) =>
            {
                while (true) await pipe.WriteAsync(new byte[1 << 20], token);
            },
        };

        var fault = await Should.ThrowAsync<FfmpegException>(() => kit.Ffmpeg.RunAsync(run, Token));

        (fault.Kind, fault.Diagnostics.Contains("Unknown input format")).ShouldBe((FfmpegFault.Failed, true));
    }

    [Fact]
    public void Bad_options_are_all_told_at_once()
    {
        var bad = new MediaOptions { ScratchRoot = "relative", Threads = 0, Niceness = 99, MemoryBytesMax = 1, OutputBytesMax = 1, RunDurationMax = TimeSpan.Zero };

        var message = Should.Throw<InvalidOperationException>(bad.Validate).Message;

        foreach (var name in new[] { "ScratchRoot", "Threads", "Niceness", "MemoryBytesMax", "OutputBytesMax", "RunDurationMax" }) message.ShouldContain(name);
    }

    private static Task<FfmpegException> FaultAsync(MediaKit kit, params string[] arguments) =>
        Should.ThrowAsync<FfmpegException>(() => kit.Ffmpeg.RunAsync(new FfmpegRun { Folder = kit.Folder, Arguments = arguments }, Token));

    /// <summary>Processes that work in the folder, by what the kernel says.</summary>
    private static List<string> ChildrenIn(string folder) =>
        Directory.EnumerateDirectories("/proc").Where(process => int.TryParse(Path.GetFileName(process), out _) && WorksIn(process, folder)).ToList();

    private static bool WorksIn(string process, string folder)
    {
        try
        {
            return new FileInfo(Path.Combine(process, "cwd")).LinkTarget == folder;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool Mount(string folder)
    {
        var info = new ProcessStartInfo("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]) { RedirectStandardError = true, UseShellExecute = false };
        using var process = Process.Start(info)!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
