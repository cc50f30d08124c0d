using System.Diagnostics;
using System.Globalization;
using Shouldly;
using SkyRiff.App;
using SkyRiff.App.Engines;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Engines;

/// <summary>The shell entry as a user meets it. Runs on a copy of its scripts beside pretended tools, so nothing is built or installed.</summary>
public sealed class ShellEntryTests
{
    private const string WithoutRights = "#!/bin/sh\ncase $1 in -u) echo 1000 ;; esac\n";

    [Fact]
    public async Task Help_lists_every_command_and_exit_code_from_any_folder()
    {
        using var house = new House();
        var (code, output) = await house.RunAsync("--help");
        code.ShouldBe(0);
        foreach (var word in (string[])["up ", "test ", "check", "bench ", "migrate", "ledger verify", "doctor", "demo", "--port", "--data", "--open", "--long"]) output.ShouldContain(word);
        foreach (var exit in Enum.GetValues<ExitCode>()) output.ShouldContain($" {(int)exit} ");
    }

    [Fact]
    public async Task Nothing_asked_is_a_usage_mistake()
    {
        using var house = new House();
        var (code, output) = await house.RunAsync();
        code.ShouldBe(2);
        output.ShouldStartWith("usage: ./skyriff COMMAND");
    }

    [Fact]
    public async Task An_unknown_option_of_test_is_refused_before_anything_is_built()
    {
        using var house = new House();
        (await house.RunAsync("test", "--lnog")).ShouldBe((2, "skyriff: test does not know the option --lnog; see ./skyriff --help"));
    }

    [Fact]
    public async Task Another_command_reaches_the_program_with_its_arguments_its_folder_and_its_exit_code()
    {
        using var house = new House();
        var (code, output) = await house.RunAsync("ledger", "verify", "a b", "*", "");
        code.ShouldBe(42);
        output.ShouldContain("program got [ledger] [verify] [a b] [*] [] in /");
        output.ShouldContain($"home {house.Path}");
    }

    [Fact]
    public async Task The_second_command_builds_nothing_until_a_source_changes()
    {
        using var house = new House();
        (await house.RunAsync("doctor")).Output.ShouldContain("building the server");
        (await house.RunAsync("doctor")).Output.ShouldNotContain("building");
        house.Write("src/app/Program.cs", "return 1;");
        (await house.RunAsync("doctor")).Output.ShouldContain("building the server");
        house.Write("src/app/obj/generated.cs", "whatever");
        (await house.RunAsync("doctor")).Output.ShouldNotContain("building");
    }

    [Fact]
    public async Task A_build_that_fails_shows_the_errors_and_is_tried_again_the_next_time()
    {
        using var house = new House();
        house.Tool("dotnet", House.Dotnet.Replace("publish)", "publish) echo 'fine so far'; echo 'Program.cs(1,1): error CS1002: ; expected'; exit 1;", StringComparison.Ordinal));
        var (code, output) = await house.RunAsync("doctor");
        code.ShouldBe(1);
        output.ShouldContain("error CS1002");
        output.ShouldNotContain("fine so far");
        output.ShouldContain("build-server.log");

        house.Tool("dotnet", House.Dotnet);
        (await house.RunAsync("doctor")).Code.ShouldBe(42);
    }

    [Fact]
    public async Task Missing_tools_are_listed_all_at_once_where_they_cannot_be_installed()
    {
        using var house = new House();
        house.Tool("id", WithoutRights);
        house.Hide("ffmpeg", "redis-server", "sudo");
        var (code, output) = await house.RunAsync("up");
        code.ShouldBe(3);
        output.ShouldContain("Redis 7 or newer");
        output.ShouldContain("ffmpeg with ffprobe");
        output.ShouldNotContain("building");
    }

    [Fact]
    public async Task An_SDK_that_is_too_old_is_named_with_where_to_get_it()
    {
        using var house = new House();
        house.Tool("dotnet", "#!/bin/sh\necho '8.0.404 [/usr/share/dotnet/sdk]'\n");
        var (code, output) = await house.RunAsync("doctor");
        code.ShouldBe(3);
        output.ShouldContain(".NET SDK 10 (https://");
    }

    [Fact]
    public async Task What_is_missing_is_installed_with_rights_and_then_used()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "the installer is only run as root here");
        using var house = new House();
        house.Hide("redis-server");
        house.Write("scripts/apt-install.sh", $"echo \"installing [$*]\" >'{house.Path}/asked'; ln -s /bin/true '{house.Path}/tools/redis-server'\n");
        (await house.RunAsync("up", "--port", "5081")).Output.ShouldContain("program got [up] [--port] [5081]");
        (await File.ReadAllTextAsync(house.Path + "/asked", TestContext.Current.CancellationToken)).ShouldBe("installing [redis-server]\n");
    }

    [Fact]
    public async Task Tests_are_summed_and_a_program_that_dies_counts_as_a_failure()
    {
        using var house = new House();
        house.TestProject("One.Tests", "echo '  total: 5'; echo '  failed: 0'; echo '  succeeded: 4'; echo '  skipped: 1'");
        (await house.RunAsync("test", "one")).Output.Split('\n')[^1].ShouldBe("4 passed, 0 failed, 1 skipped");
        house.TestProject("Two.Tests", "echo '  failed: 2'; echo '  succeeded: 7'; exit 2");
        house.TestProject("Three.Tests", "kill -9 $$");
        var (code, output) = await house.RunAsync("test");
        code.ShouldBe(1);
        output.Split('\n')[^1].ShouldBe("11 passed, 3 failed, 1 skipped");
        output.ShouldContain("ended without a good report: Three.Tests");
        (await house.RunAsync("test", "four")).Code.ShouldBe(2);
    }

    [Fact]
    public async Task A_signal_ends_the_command_and_everything_it_had_started()
    {
        using var house = new House();
        house.Tool("dotnet", House.Dotnet.Replace("publish)", "publish) sleep 600 & echo $! >\"$SKYRIFF_HOME/helper\"; wait;;\n never)", StringComparison.Ordinal));
        using var entry = house.Start("doctor");
        await Eventually.TrueAsync(async () => File.Exists(house.Path + "/helper") && (await File.ReadAllTextAsync(house.Path + "/helper", TestContext.Current.CancellationToken)).EndsWith('\n'), "the build started its helper");
        var helper = int.Parse(await File.ReadAllTextAsync(house.Path + "/helper", TestContext.Current.CancellationToken), CultureInfo.InvariantCulture);

        UnixProcess.Signal(entry.Id, UnixSignal.Terminate);

        await entry.WaitForExitAsync(TestContext.Current.CancellationToken);
        entry.ExitCode.ShouldBe(143);
        await Eventually.TrueAsync(() => !UnixProcess.IsAlive(helper), "the helper ended");
    }

    [Fact]
    public async Task The_scripts_pass_the_shells_own_check()
    {
        using var house = new House();
        foreach (var script in (string[])["skyriff", "scripts/install.sh", "scripts/build.sh", "scripts/apt-install.sh"])
            (await EngineSite.RunAsync("bash", "-n", Path.Combine(house.Path, script))).ShouldBe((0, ""));
    }

    /// <summary>A copy of the entry in a folder with a space in its name, a PATH of chosen tools, and a dotnet that "builds" an echoing program.</summary>
    private sealed class House : IDisposable
    {
        public const string Dotnet = """
            #!/bin/bash
            case $1 in
              --list-sdks) echo '8.0.404 [/usr/share/dotnet/sdk]'; echo '10.0.100 [/usr/share/dotnet/sdk]' ;;
              publish) while [ "$1" != --output ]; do shift; done
                       mkdir -p "$2"; cp "$SKYRIFF_HOME/program" "$2/skyriff" ;;
            esac
            """;

        private static readonly string[] Shell =
            ["awk", "bash", "sh", "env", "basename", "cat", "chmod", "cksum", "comm", "cp", "cut", "dirname", "find", "flock", "grep", "head", "id", "ln", "ls", "mkdir", "mv", "node", "npm", "readlink", "rm", "sed", "sleep", "sort", "tail", "tee", "tr", "xargs", "apt-get"];

        private readonly EngineSite _site = new(name: "a house with spaces");

        public House()
        {
            var sources = Sources();
            Directory.CreateDirectory(Path);
            foreach (var file in Directory.EnumerateFiles(System.IO.Path.Combine(sources, "scripts")).Append(System.IO.Path.Combine(sources, "skyriff")))
                Write(System.IO.Path.GetRelativePath(sources, file), File.ReadAllText(file));
            foreach (var file in (string[])["src/app/Program.cs", "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "global.json"]) Write(file, "");
            Write("program", "#!/bin/bash\nprintf 'program got'; printf ' [%s]' \"$@\"; echo \" in $PWD\"; echo \"home $SKYRIFF_HOME\"; exit 42\n");
            foreach (var tool in Shell) Link(tool);
            foreach (var tool in (string[])["ffmpeg", "ffprobe", "redis-server", "initdb", "chromium", "sudo"]) Tool(tool, "#!/bin/sh\n");
            Tool("postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 16.4'\n");
            Tool("dotnet", Dotnet);
        }

        public string Path => _site.DataPath;

        public void Write(string name, string text)
        {
            var path = System.IO.Path.Combine(Path, name);
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
            File.SetUnixFileMode(path, (UnixFileMode)0b111_101_101);
        }

        public void Tool(string name, string script)
        {
            Hide(name);
            Write("tools/" + name, script);
        }

        public void TestProject(string name, string script)
        {
            Directory.CreateDirectory($"{Path}/tests/{name}");
            Write($"artifacts/bin/SkyRiff.{name}/release/SkyRiff.{name}", "#!/bin/sh\n" + script + "\n");
        }

        public void Hide(params string[] names)
        {
            foreach (var name in names) File.Delete($"{Path}/tools/{name}");
        }

        public Process Start(params string[] arguments)
        {
            var start = new ProcessStartInfo(Path + "/skyriff", arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = "/" };
            start.Environment["PATH"] = Path + "/tools";
            return Process.Start(start)!;
        }

        public async Task<(int Code, string Output)> RunAsync(params string[] arguments)
        {
            using var process = Start(arguments);
            process.StandardInput.Close();
            var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (process.ExitCode, (await errors + output).Trim());
        }

        public void Dispose() => _site.Dispose();

        private void Link(string tool)
        {
            var real = Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(folder => System.IO.Path.Combine(folder, tool)).FirstOrDefault(File.Exists);
            if (real is null) return; // flock and apt-get are not everywhere
            Directory.CreateDirectory(Path + "/tools");
            File.CreateSymbolicLink($"{Path}/tools/{tool}", real);
        }

        private static string Sources()
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(System.IO.Path.Combine(folder.FullName, "SkyRiff.slnx"))) folder = folder.Parent ?? throw new InvalidOperationException("the sources are not above the tests");
            return folder.FullName;
        }
    }
}
