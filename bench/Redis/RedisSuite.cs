using System.Diagnostics;
using System.Globalization;
using SkyRiff.Redis;
using SkyRiff.Testing.Redis;

namespace SkyRiff.Bench.Redis;

/// <summary>
/// The Redis client against a private server over loopback, in turn with <c>redis-benchmark</c> and a bare socket. CPU per operation is the whole
/// process's, user and kernel; bytes per operation are all managed allocations of the process during the run.
/// </summary>
public static class RedisSuite
{
    private const int ValueBytes = 100;
    private const int Callers = 256;

    public static async Task RunAsync(bool quick, string resultsDir, CancellationToken cancellation)
    {
        var rounds = quick ? 3 : 5;
        var length = TimeSpan.FromSeconds(quick ? 0.7 : 3);
        var results = new Results("redis");
        await using var server = await RedisServerProcess.StartAsync();
        var endpoint = new RedisEndpoint("127.0.0.1", server.Port);
        await using var redis = await RedisClient.ConnectAsync(new RedisOptions { Endpoints = [endpoint] }, cancellation);
        await using var inline = await RedisClient.ConnectAsync(new RedisOptions { Endpoints = [endpoint], InlineContinuations = true }, cancellation);
        await redis.SetAsync("k", new byte[ValueBytes], null, cancellation);

        // The first run compiles and fills pools; nobody reports it.
        await GetLoad.RunAsync(redis, Callers, length, cancellation);
        await GetLoad.RunAsync(inline, Callers, length, cancellation);
        for (var round = 0; round < rounds; round++)
        {
            Console.WriteLine($"round {round + 1} of {rounds}");
            var ours = await GetLoad.RunAsync(redis, Callers, length, cancellation);
            var theirs = await RedisBenchmarkAsync(server.Port, quick ? 1_000_000 : 4_000_000, cancellation);
            Report(results, "async.c256", ours);
            results.Add("redis_benchmark.ops_per_s.p16", "ops/s", theirs);
            results.Add("redis.ratio_to_redis_benchmark.async.c256", "ratio", ours.Operations / ours.Elapsed.TotalSeconds / theirs);
            Report(results, "inline.c256", await GetLoad.RunAsync(inline, Callers, length, cancellation));
            using (var leaving = CancellationTokenSource.CreateLinkedTokenSource(cancellation))
                Report(results, "async_token.c256", await GetLoad.RunAsync(redis, Callers, length, leaving.Token));
            Report(results, "async.c16", await GetLoad.RunAsync(redis, 16, length / 2, cancellation));
            await CompareLatencyAsync(results, redis, server.Port, length / 4, cancellation);
            await MixedSizes.RunAsync(results, redis, length / 2, cancellation);
        }

        await LargeValue.RunAsync(results, redis, rounds, cancellation);
        await ClusterFailover.RunAsync(results, quick ? 1 : 3, cancellation);

        results.Print(Console.Out);
        await results.WriteAsync(resultsDir, cancellation);
    }

    private static void Report(Results results, string name, LoadRun run)
    {
        results.Add($"redis.ops_per_s.{name}", "ops/s", run.Operations / run.Elapsed.TotalSeconds);
        results.Add($"redis.client_cpu_us_per_op.{name}", "us", run.Cpu.TotalMicroseconds / run.Operations);
        results.Add($"redis.bytes_per_op.{name}", "B", run.AllocatedBytes / (double)run.Operations);
    }

    /// <summary>In short turns, so that both see the same machine; the ratio is of neighbours.</summary>
    private static async Task CompareLatencyAsync(Results results, RedisClient redis, int port, TimeSpan length, CancellationToken cancellation)
    {
        for (var turn = 0; turn < 3; turn++)
        {
            var ours = Latency(await GetLoad.RunAsync(redis, 1, length, cancellation));
            var bare = await BareSocket.LatencyAsync(port, ValueBytes, length, cancellation);
            results.Add("redis.latency_us.c1", "us", ours);
            results.Add("bare_socket.latency_us.c1", "us", bare);
            results.Add("redis.ratio_to_bare_socket.c1", "ratio", ours / bare);
        }
    }

    private static double Latency(LoadRun run) => run.Elapsed.TotalMicroseconds / run.Operations;

    private static async Task<double> RedisBenchmarkAsync(int port, int requests, CancellationToken cancellation)
    {
        string[] arguments = ["-h", "127.0.0.1", "-p", $"{port}", "-P", "16", "-c", "50", "-n", $"{requests}", "--csv", "GET", "k"];
        var start = new ProcessStartInfo("redis-benchmark", arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        // "test","rps","avg_latency_ms",... then one line of values
        var values = output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1].Split(',');
        return double.Parse(values[1].Trim('"'), CultureInfo.InvariantCulture);
    }
}
