using System.Diagnostics;
using System.Globalization;
using Shouldly;
using SkyRiff.App;
using SkyRiff.App.Engines;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Engines;

public sealed class LocalEnginesTests
{
    [Fact]
    public async Task What_was_written_is_there_after_a_stop_and_a_start()
    {
        using var site = new EngineSite();
        using (var folder = site.Open())
        {
            await using var engines = await site.StartAsync(folder);
            await EngineSite.SqlAsync(engines.Addresses, "create table kept (n int); insert into kept values (42)");
            (await EngineSite.RedisAsync(engines.Addresses, "set", "kept", "42")).ShouldBe("OK");
        }

        using (var folder = site.Open())
        {
            await using var engines = await site.StartAsync(folder);
            (await EngineSite.SqlAsync(engines.Addresses, "select n from kept")).ShouldBe("42");
            (await EngineSite.RedisAsync(engines.Addresses, "get", "kept")).ShouldBe("42");
            site.Said.All.ShouldNotContain("recovering");
        }
    }

    [Fact]
    public async Task The_engines_are_durable_and_reachable_only_through_their_folder()
    {
        using var site = new EngineSite();
        using var folder = site.Open();
        await using var engines = await site.StartAsync(folder);
        (await EngineSite.SqlAsync(engines.Addresses, "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings where name in ('fsync','synchronous_commit','full_page_writes','listen_addresses','data_checksums','wal_level','server_encoding')"))
            .ShouldBe("data_checksums=on fsync=on full_page_writes=on listen_addresses= server_encoding=UTF8 synchronous_commit=on wal_level=logical");
        (await EngineSite.RedisAsync(engines.Addresses, "config", "get", "port")).ShouldBe("port\n0");
        (await EngineSite.RedisAsync(engines.Addresses, "config", "get", "maxmemory-policy")).ShouldBe("maxmemory-policy\nvolatile-lru");
        File.GetUnixFileMode(engines.Addresses.PostgresSocketDirectory).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    [Fact]
    public async Task Stopping_leaves_no_process_and_no_address()
    {
        using var site = new EngineSite();
        using var folder = site.Open();
        await using var engines = await site.StartAsync(folder);
        int[] pids = [engines.Postgres.ProcessId!.Value, engines.Redis.ProcessId!.Value];
        LocalEngines.TryFindRunning(site.DataPath).ShouldBe(engines.Addresses);

        await engines.StopAsync(CancellationToken.None);
        await engines.StopAsync(CancellationToken.None);

        pids.ShouldAllBe(pid => !UnixProcess.IsAlive(pid));
        LocalEngines.TryFindRunning(site.DataPath).ShouldBeNull();
        engines.Postgres.State.ShouldBe(EngineState.Stopped);
    }

    [Fact]
    public async Task A_killed_PostgreSQL_comes_back_with_all_that_was_committed()
    {
        using var site = new EngineSite();
        using var folder = site.Open();
        await using var engines = await site.StartAsync(folder);
        var changes = new List<EngineState>();
        engines.Changed += (engine, state) =>
        {
            lock (changes) if (engine == engines.Postgres) changes.Add(state);
        };
        await EngineSite.SqlAsync(engines.Addresses, "create table kept (n int); insert into kept values (42)");
        var before = engines.Postgres.ProcessId!.Value;

        UnixProcess.Signal(before, UnixSignal.Kill);

        await Eventually.TrueAsync(() => engines.Postgres.State == EngineState.Ready && engines.Postgres.ProcessId is { } now && now != before, "PostgreSQL ready again");
        (await EngineSite.SqlAsync(engines.Addresses, "select n from kept")).ShouldBe("42");
        lock (changes) changes.ShouldBe([EngineState.Restarting, EngineState.Ready]);
        site.Said.All.ShouldContain("recovering the database");
    }

    [Fact]
    public async Task A_killed_Redis_comes_back_with_what_it_had_flushed()
    {
        using var site = new EngineSite();
        using var folder = site.Open();
        await using var engines = await site.StartAsync(folder);
        await EngineSite.RedisAsync(engines.Addresses, "set", "kept", "42");
        await Eventually.TrueAsync(async () => (await EngineSite.RedisAsync(engines.Addresses, "info", "persistence")).Contains("aof_pending_bio_fsync:0", StringComparison.Ordinal), "the file flushed");
        var before = engines.Redis.ProcessId!.Value;

        UnixProcess.Signal(before, UnixSignal.Kill);

        await Eventually.TrueAsync(() => engines.Redis.State == EngineState.Ready && engines.Redis.ProcessId is { } now && now != before, "Redis ready again");
        (await EngineSite.RedisAsync(engines.Addresses, "get", "kept")).ShouldBe("42");
    }

    [Fact]
    public async Task A_Redis_file_damaged_in_its_middle_is_set_aside_and_said()
    {
        using var site = new EngineSite();
        using var folder = site.Open();
        await using (var engines = await site.StartAsync(folder))
        {
            foreach (var key in (string[])["a", "b", "c"]) await EngineSite.RedisAsync(engines.Addresses, "set", key, "1");
        }

        var file = Directory.EnumerateFiles(Path.Combine(site.DataPath, "redis/appendonlydir"), "*.incr.aof").Single();
        var bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        "rubbish!"u8.CopyTo(bytes.AsSpan(bytes.Length / 2));
        await File.WriteAllBytesAsync(file, bytes, TestContext.Current.CancellationToken);

        await using (var engines = await site.StartAsync(folder))
        {
            (await EngineSite.RedisAsync(engines.Addresses, "dbsize")).ShouldBe("0");
        }

        site.Said.All.ShouldContain("appendonlydir.damaged");
    }

    [Fact]
    public async Task Engines_end_with_a_program_that_is_killed_and_the_next_start_finds_everything()
    {
        using var site = new EngineSite();
        var (host, line) = await EngineHost.StartAsync(site.DataPath, site.Outside, Environment.ProcessPath!);
        using (host)
        {
            var addresses = EngineHost.Addresses(line);
            await EngineSite.SqlAsync(addresses, "create table kept (n int); insert into kept values (42)");
            var pid = int.Parse(await EngineSite.SqlAsync(addresses, "select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"), CultureInfo.InvariantCulture);

            await host.KillAsync();
            await Eventually.TrueAsync(() => !UnixProcess.IsAlive(pid), "PostgreSQL ended after its owner was killed");
        }

        using var folder = site.Open();
        await using var engines = await site.StartAsync(folder);
        (await EngineSite.SqlAsync(engines.Addresses, "select n from kept")).ShouldBe("42");
    }

    [Fact]
    public async Task Engines_that_survived_their_owner_are_stopped_by_the_next_start()
    {
        using var site = new EngineSite();
        var (host, line) = await EngineHost.StartAsync(site.DataPath, site.Outside, Environment.ProcessPath!);
        var addresses = EngineHost.Addresses(line);
        await EngineSite.SqlAsync(addresses, "create table kept (n int); insert into kept values (42)");
        int[] orphans =
        [
            int.Parse(await EngineSite.SqlAsync(addresses, "select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"), CultureInfo.InvariantCulture),
            int.Parse((await EngineSite.RedisAsync(addresses, "info", "server")).Split("process_id:")[1].Split('\r')[0], CultureInfo.InvariantCulture),
        ];

        // A stopped process cannot act on the signal that its owner's death sends: it is there as if the signal had been lost.
        foreach (var pid in orphans) await EngineSite.OutputOfAsync("/bin/sh", "-c", $"kill -STOP {pid}");
        using (host) await host.KillAsync();
        orphans.ShouldAllBe(pid => UnixProcess.IsAlive(pid));

        using var folder = site.Open();
        await using var engines = await site.StartAsync(folder);
        orphans.ShouldAllBe(pid => !UnixProcess.IsAlive(pid));
        site.Said.All.ShouldContain("stopping the postgres that an earlier run left behind");
        (await EngineSite.SqlAsync(engines.Addresses, "select n from kept")).ShouldBe("42");
    }

    [Fact]
    public async Task A_pid_file_that_names_someone_elses_process_does_no_harm()
    {
        using var site = new EngineSite();
        using var bystander = Process.Start(new ProcessStartInfo("sleep", ["60"]) { UseShellExecute = false })!;
        using (var folder = site.Open())
        {
            await using var engines = await site.StartAsync(folder);
        }

        // As after a reboot that gave the old number to another program of the same user.
        await File.WriteAllTextAsync(Path.Combine(site.DataPath, "postgres/cluster/postmaster.pid"), string.Create(CultureInfo.InvariantCulture, $"{bystander.Id}\n/elsewhere\n1\n5432\n\n\n\nready\n"), TestContext.Current.CancellationToken);

        using (var folder = site.Open())
        {
            await using var engines = await site.StartAsync(folder);
            (await EngineSite.SqlAsync(engines.Addresses, "select 1")).ShouldBe("1");
        }

        bystander.HasExited.ShouldBeFalse();
        bystander.Kill();
    }

    [Fact]
    public async Task An_interrupted_first_start_is_begun_again()
    {
        using var site = new EngineSite();
        using var folder = site.Open();
        Directory.CreateDirectory(Path.Combine(site.DataPath, "postgres/cluster.new/base"));
        if (Environment.IsPrivilegedProcess) await EngineSite.OutputOfAsync("chown", "-R", "nobody", Path.Combine(site.DataPath, "postgres"));

        await using var engines = await site.StartAsync(folder);
        (await EngineSite.SqlAsync(engines.Addresses, "select 1")).ShouldBe("1");
        Directory.Exists(Path.Combine(site.DataPath, "postgres/cluster.new")).ShouldBeFalse();
    }

    [Fact]
    public async Task A_damaged_database_is_refused_with_its_place_and_stops_nothing_else()
    {
        using var site = new EngineSite();
        using var folder = site.Open();
        await using (await site.StartAsync(folder))
        {
        }

        await File.WriteAllTextAsync(Path.Combine(site.DataPath, "postgres/cluster/PG_VERSION"), "", TestContext.Current.CancellationToken);
        var fault = await Should.ThrowAsync<EngineException>(() => site.StartAsync(folder));
        fault.Kind.ShouldBe(EngineFault.FolderUnusable);
        ExitCodes.Of(fault).ShouldBe(ExitCode.DataFolderUnusable);
        fault.Message.ShouldContain(Path.Combine(site.DataPath, "postgres/cluster"));
        Directory.EnumerateFiles(Path.Combine(site.DataPath, "run")).ShouldBeEmpty("Redis was stopped");
    }

    [Fact]
    public async Task A_cluster_of_a_version_that_is_not_installed_names_the_package()
    {
        using var site = new EngineSite();
        using var folder = site.Open();
        await using (await site.StartAsync(folder))
        {
        }

        await File.WriteAllTextAsync(Path.Combine(site.DataPath, "postgres/cluster/PG_VERSION"), "99\n", TestContext.Current.CancellationToken);
        var fault = await Should.ThrowAsync<EngineException>(() => site.StartAsync(folder));
        ExitCodes.Of(fault).ShouldBe(ExitCode.ToolMissing);
        fault.Message.ShouldContain("postgresql-99");
    }

    [Fact]
    public async Task An_engine_that_cannot_start_shows_the_end_of_its_log()
    {
        using var site = new EngineSite();
        using var folder = site.Open();
        await using (await site.StartAsync(folder))
        {
        }

        File.Delete(Path.Combine(site.DataPath, "postgres/cluster/global/pg_control"));
        var fault = await Should.ThrowAsync<EngineException>(() => site.StartAsync(folder));
        ExitCodes.Of(fault).ShouldBe(ExitCode.EngineFailed);
        fault.Message.ShouldContain("pg_control");
        fault.Message.ShouldContain("logs/postgres.log");
    }
}
