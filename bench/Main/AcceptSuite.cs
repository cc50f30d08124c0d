using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using SkyRiff.App.Hosting;
using SkyRiff.App.Instances;

namespace SkyRiff.Bench.Main;

/// <summary>
/// How many generations a second are accepted over HTTP (token, quote, idempotency, limits, hold, job: three commits), as a share of what pgbench does with the same SQL on
/// the same durable server in the same run, 16 clients each, in turn. Server and load share this process, so the machine's cores serve both.
/// </summary>
internal static class AcceptSuite
{
    private const int Clients = 16;
    private const int Users = 400;
    private const int Shards = 4;

    public static async Task RunAsync(bool quick, string resultsDir, CancellationToken cancellationToken)
    {
        var (rounds, length) = quick ? (3, TimeSpan.FromSeconds(3)) : (5, TimeSpan.FromSeconds(10));
        var folder = Directory.CreateTempSubdirectory("skyriff-bench-");
        try
        {
            var port = FreePort();
            await using var instance = await Instance.OpenAsync(new DirectoryInfo(Path.Combine(folder.FullName, "data")), null, Settings(port), NullLoggerFactory.Instance, new Quiet(), cancellationToken);
            await using var server = Server.Build(instance.Configuration, instance.MasterKey, logging => logging.SetMinimumLevel(LogLevel.Error));
            await server.StartAsync(new Quiet(), cancellationToken);
            Console.WriteLine($"registering {Users} users ...");
            var users = await RegisterAsync(port, cancellationToken);
            var scripts = PgbenchScripts.Write(folder.FullName, users.Select(user => user.Id), Shards);
            var socket = instance.Engines!.Addresses;

            var results = new Results("accept");
            await OursAsync(port, users, length / 3, cancellationToken); // warm up: tiers of compilation, prepared statements
            for (var round = 1; round <= rounds; round++)
            {
                await PgbenchScripts.ClearAsync(Shards, socket.PostgresSocketDirectory, socket.PostgresPort, socket.PostgresUser, cancellationToken);
                var began = Process.GetCurrentProcess().TotalProcessorTime;
                var ours = await OursAsync(port, users, length, cancellationToken);
                var cpu = Process.GetCurrentProcess().TotalProcessorTime - began;
                await PgbenchScripts.ClearAsync(Shards, socket.PostgresSocketDirectory, socket.PostgresPort, socket.PostgresUser, cancellationToken);
                var theirs = await PgbenchScripts.RunAsync(scripts, socket.PostgresSocketDirectory, socket.PostgresPort, socket.PostgresUser, Clients / Shards, length, cancellationToken);
                results.Add("accept.generations_per_s.c16", "1/s", ours);
                results.Add("accept.pgbench_per_s.c16", "1/s", theirs);
                results.Add("accept.share_of_pgbench.c16", "ratio", ours / theirs);
                results.Add("accept.process_cpu_us_per_generation", "us", cpu.TotalMicroseconds / (ours * length.TotalSeconds));
                Console.WriteLine($"round {round}: ours {ours:0}/s, pgbench {theirs:0}/s, share {ours / theirs:0.00}");
            }
            results.Print(Console.Out);
            await results.WriteAsync(resultsDir, cancellationToken);
            await server.StopAsync();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Dictionary<string, string?> Settings(int port) => new()
    {
        ["App:Role"] = "api", // accepted jobs stay queued: this measures accepting
        ["App:Port"] = port.ToString(CultureInfo.InvariantCulture),
        ["Payments:StarterCredits"] = "1000000",
        ["Payments:Plans:0:Id"] = "free",
        ["Payments:Plans:0:Name"] = "Free",
        ["Payments:Plans:0:GenerationsPerDay"] = "100000",
        ["Payments:Plans:0:GenerationsAtOnce"] = "1000",
    };

    private sealed record User(long Id, string Token);

    private static async Task<User[]> RegisterAsync(int port, CancellationToken cancellationToken)
    {
        var users = new User[Users];
        await Parallel.ForAsync(0, Users, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellationToken }, async (i, token) =>
        {
            using var caller = new HttpCaller(port);
            await caller.ConnectAsync(token);
            var (status, body) = await caller.SendAsync(HttpCaller.Request("POST", "/api/v1/auth/register", null, null, $$"""{"handle":"bench{{i}}","email":"bench{{i}}@example.org","password":"correct horse"}"""), token);
            if (status != 201) throw new InvalidOperationException($"Registering answered {status}.");
            using var json = JsonDocument.Parse(body);
            users[i] = new User(long.Parse(json.RootElement.GetProperty("user").GetProperty("id").GetString()!, CultureInfo.InvariantCulture), json.RootElement.GetProperty("accessToken").GetString()!);
        });
        return users;
    }

    /// <summary>Accepted per second.</summary>
    private static async Task<double> OursAsync(int port, User[] users, TimeSpan length, CancellationToken cancellationToken)
    {
        var accepted = 0L;
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => Task.Run(async () =>
        {
            using var caller = new HttpCaller(port);
            await caller.ConnectAsync(cancellationToken);
            for (var i = client; Stopwatch.GetElapsedTime(began) < length; i += Clients)
            {
                var request = HttpCaller.Request("POST", "/api/v1/generations", users[i % users.Length].Token, Guid.NewGuid().ToString("N"), """{"prompt":"a lighthouse by the sea at sunset, waves, gulls"}""");
                var (status, body) = await caller.SendAsync(request, cancellationToken);
                if (status != 202) throw new InvalidOperationException($"A generation was answered {status}: {System.Text.Encoding.UTF8.GetString(body.Span)}");
                Interlocked.Increment(ref accepted);
            }
        }, cancellationToken)));
        return accepted / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    internal static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }

    private sealed class Quiet : IProgress<string>
    {
        public void Report(string value)
        {
        }
    }
}
