using Shouldly;
using SkyRiff.App;
using SkyRiff.App.Engines;
using Xunit;

namespace SkyRiff.SystemTests.Engines;

public sealed class EnginePlacementTests
{
    private static readonly string VeryLong = string.Join('/', Enumerable.Repeat("a folder with a rather long name, as some have them", 8));

    [Theory]
    [InlineData("with some spaces")]
    [InlineData("quote's \"and\" $HOME `x` \\ ü %41")]
    [InlineData("one,two")]
    public async Task Engines_run_in_a_folder_of_any_name(string name)
    {
        using var site = new EngineSite(name: name);
        using var folder = site.Open();
        await using var engines = await site.StartAsync(folder);
        await BothAnswerAsync(engines.Addresses);
        engines.Addresses.PostgresSocketDirectory.ShouldNotContain(",");
    }

    [Fact]
    public async Task A_path_too_long_for_a_socket_keeps_its_files_and_moves_its_sockets()
    {
        using var site = new EngineSite(name: VeryLong);
        using var folder = site.Open();
        await using var engines = await site.StartAsync(folder);
        await BothAnswerAsync(engines.Addresses);
        engines.Addresses.PostgresSocketDirectory.ShouldNotStartWith(site.DataPath);
        File.Exists(Path.Combine(site.DataPath, "postgres/cluster/PG_VERSION")).ShouldBeTrue();
    }

    [Fact]
    public async Task A_folder_that_only_root_can_enter_has_its_engines_outside_and_a_link_to_them()
    {
        DemandRoot();
        using var site = new EngineSite(parent: "/root");
        using (var folder = site.Open())
        {
            await using var engines = await site.StartAsync(folder);
            await EngineSite.SqlAsync(engines.Addresses, "create table kept (n int); insert into kept values (42)");
            new DirectoryInfo(Path.Combine(site.DataPath, "postgres")).LinkTarget.ShouldBe(Path.Combine(site.Outside, folder.Id, "postgres"));
            (await File.ReadAllTextAsync(Path.Combine(site.Outside, folder.Id, "owner"), TestContext.Current.CancellationToken)).ShouldBe(site.DataPath + "\n");
        }

        using (var folder = site.Open())
        {
            await using var engines = await site.StartAsync(folder);
            (await EngineSite.SqlAsync(engines.Addresses, "select n from kept")).ShouldBe("42");
        }
    }

    [Fact]
    public async Task A_folder_deleted_and_made_again_does_not_find_the_old_database_outside()
    {
        DemandRoot();
        using var site = new EngineSite(parent: "/root");
        string old;
        using (var folder = site.Open())
        {
            old = folder.Id;
            await using var engines = await site.StartAsync(folder);
            await EngineSite.SqlAsync(engines.Addresses, "create table kept (n int)");
        }

        Directory.Delete(site.DataPath, recursive: true);

        using (var folder = site.Open())
        {
            await using var engines = await site.StartAsync(folder);
            (await EngineSite.SqlAsync(engines.Addresses, "select count(*) from pg_tables where tablename = 'kept'")).ShouldBe("0");
            site.Said.All.ShouldContain($"{Path.Combine(site.Outside, old)} holds the database of an earlier data folder");
        }
    }

    [Fact]
    public async Task A_database_outside_that_is_gone_is_said_not_silently_made_anew()
    {
        DemandRoot();
        using var site = new EngineSite(parent: "/root");
        using var folder = site.Open();
        await using (await site.StartAsync(folder))
        {
        }

        Directory.Delete(site.Outside, recursive: true);
        var fault = await Should.ThrowAsync<EngineException>(() => site.StartAsync(folder));
        ExitCodes.Of(fault).ShouldBe(ExitCode.DataFolderUnusable);
        fault.Message.ShouldContain("is gone");
    }

    [Fact]
    public async Task A_copied_folder_may_not_share_the_original_folders_database()
    {
        DemandRoot();
        using var site = new EngineSite(parent: "/root");
        using (var folder = site.Open())
        {
            await using var engines = await site.StartAsync(folder);
        }

        var copy = Path.Combine(site.Root, "copy");
        await EngineSite.OutputOfAsync("cp", "-a", site.DataPath, copy);
        using var copied = DataFolder.Open(copy, SkyRiff.Kernel.Entropy.System);
        (await Should.ThrowAsync<EngineException>(() => site.StartAsync(copied))).Message.ShouldContain($"is a copy of {site.DataPath}");
    }

    [Fact]
    public async Task A_folder_moved_to_where_its_account_cannot_go_says_so()
    {
        DemandRoot();
        using var site = new EngineSite();
        using (var folder = site.Open())
        {
            await using var engines = await site.StartAsync(folder);
        }

        using var closed = new EngineSite(parent: "/root");
        Directory.Move(site.DataPath, closed.DataPath);
        using var moved = closed.Open();
        (await Should.ThrowAsync<EngineException>(() => closed.StartAsync(moved))).Message.ShouldContain("chmod o+x");
    }

    [Fact]
    public async Task Root_runs_the_engines_as_an_account_without_rights()
    {
        DemandRoot();
        using var site = new EngineSite();
        using var folder = site.Open();
        await using var engines = await site.StartAsync(folder);
        foreach (var pid in (int[])[engines.Postgres.ProcessId!.Value, engines.Redis.ProcessId!.Value])
        {
            var status = await File.ReadAllTextAsync($"/proc/{pid}/status", TestContext.Current.CancellationToken);
            status.ShouldNotContain("Uid:\t0");
            status.ShouldContain("CapEff:\t0000000000000000");
            status.ShouldContain("NoNewPrivs:\t1");
            (await File.ReadAllTextAsync($"/proc/{pid}/environ", TestContext.Current.CancellationToken)).ShouldNotContain("HOME=/root");
        }
    }

    [Fact]
    public async Task An_ordinary_user_runs_them_as_itself()
    {
        DemandRoot();
        using var site = new EngineSite();
        var executable = await SharedCopyAsync(site);
        foreach (var name in (string[])["data", "very/" + VeryLong])
        {
            var data = Path.Combine(site.Root, "home", name);
            var (host, line) = await EngineHost.StartAsync(data, site.Outside, executable, AsNobody());
            using (host)
            {
                var addresses = EngineHost.Addresses(line);
                await BothAnswerAsync(addresses);
                (await EngineSite.OutputOfAsync("stat", "-c", "%U", Path.Combine(data, "postgres/cluster"))).ShouldBe("nobody");
                (await host.StopAsync()).ShouldBe(0);
                Directory.Exists(addresses.PostgresSocketDirectory).ShouldBe(name == "data", "sockets elsewhere leave nothing behind");
            }
        }

        Directory.Exists(site.Outside).ShouldBeFalse();
    }

    [Fact]
    public async Task An_ordinary_user_without_the_right_to_write_is_told_so()
    {
        DemandRoot();
        using var site = new EngineSite();
        var executable = await SharedCopyAsync(site);
        var (host, line) = await EngineHost.StartAsync(Path.Combine(site.Root, "not mine"), site.Outside, executable, AsNobody());
        using (host) line.ShouldStartWith("fault 9 The data folder");
    }

    [Fact]
    public async Task Root_takes_over_an_ordinary_users_folder_with_that_users_engines()
    {
        DemandRoot();
        using var site = new EngineSite();
        var executable = await SharedCopyAsync(site);
        var data = Path.Combine(site.Root, "home", "data");
        var (host, line) = await EngineHost.StartAsync(data, site.Outside, executable, AsNobody());
        using (host)
        {
            await EngineSite.SqlAsync(EngineHost.Addresses(line), "create table kept (n int); insert into kept values (42)");
            await host.StopAsync();
        }

        using var folder = DataFolder.Open(data, SkyRiff.Kernel.Entropy.System);
        await using var engines = await site.StartAsync(folder);
        (await EngineSite.SqlAsync(engines.Addresses, "select n from kept")).ShouldBe("42");
    }

    private static async Task BothAnswerAsync(EngineAddresses at)
    {
        (await EngineSite.SqlAsync(at, "select 1")).ShouldBe("1");
        (await EngineSite.RedisAsync(at, "ping")).ShouldBe("PONG");
    }

    private static string[] AsNobody() => ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "env", "-u", "XDG_RUNTIME_DIR", "HOME=/nonexistent"];

    /// <summary>The sources may lie where only root can go; the helper process of another user needs its own copy of what it runs.</summary>
    private static async Task<string> SharedCopyAsync(EngineSite site)
    {
        var bin = Directory.CreateDirectory(Path.Combine(site.Root, "bin")).FullName;
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory)) File.Copy(file, Path.Combine(bin, Path.GetFileName(file)));
        await EngineSite.OutputOfAsync("chmod", "-R", "a+rX", bin);
        await EngineSite.OutputOfAsync("install", "-d", "-m", "0700", "-o", "nobody", Path.Combine(site.Root, "home"));
        return Path.Combine(bin, Path.GetFileName(Environment.ProcessPath!));
    }

    private static void DemandRoot() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can become another user");
}
