using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Bench.Main;

/// <summary>
/// The statements of accepting a generation, as the service sends them, for pgbench: one script per user with the user's id written in, so that pgbench needs no look-up
/// that the service does not make; one pgbench per shard, at the same time.
/// </summary>
internal static partial class PgbenchScripts
{
    /// <summary>pgbench takes at most 128 scripts.</summary>
    private const int ScriptsPerShardMax = 100;

    /// <summary>Answers the scripts of each shard.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> Write(string folder, IEnumerable<long> users, int shards) =>
        [.. users.GroupBy(user => Id.SlotOf(user) % shards).OrderBy(group => group.Key).Select(group => (IReadOnlyList<string>)[.. group.Take(ScriptsPerShardMax).Select(user => WriteOne(folder, user))])];

    /// <summary>Transactions (whole acceptances) per second, over all shards.</summary>
    public static async Task<double> RunAsync(IReadOnlyList<IReadOnlyList<string>> scripts, string socket, int port, string user, int clients, TimeSpan length, CancellationToken cancellationToken)
    {
        var rates = await Task.WhenAll(scripts.Select((shard, number) => RunOneAsync(shard, number, socket, port, user, clients, length, cancellationToken)));
        return rates.Sum();
    }

    /// <summary>Both sides begin each turn with empty tables: the number of a user's open generations is part of the work.</summary>
    public static async Task ClearAsync(int shards, string socket, int port, string user, CancellationToken cancellationToken)
    {
        for (var shard = 0; shard < shards; shard++)
        {
            await RunAsync("psql", ["-X", "-q", "-h", socket, "-p", Text(port), "-U", user, "-c", "TRUNCATE videos.generations, videos.jobs, videos.idempotency, videos.daily_usage", $"skyriff_{Text(shard)}"], cancellationToken);
        }
    }

    private static string WriteOne(string folder, long user)
    {
        var path = Path.Combine(folder, $"accept-{user}.sql");
        var slot = Id.SlotOf(user);
        File.WriteAllText(path, $$"""
            \set key random(1, 9000000000000000000)
            BEGIN;
            INSERT INTO videos.idempotency (owner, key, fingerprint) VALUES ({{user}}, :key::text, decode('00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', 'hex')) ON CONFLICT DO NOTHING;
            INSERT INTO videos.daily_usage (user_id, day, accepted) VALUES ({{user}}, current_date, 1) ON CONFLICT (user_id, day) DO UPDATE SET accepted = daily_usage.accepted + 1 WHERE daily_usage.accepted < 100000 RETURNING accepted;
            INSERT INTO videos.generations (id, user_id, request_key, phase, provider, model, prompt, seconds, width, height, seed, reference_key, priority, quoted) SELECT skyriff.next_id({{slot}}), {{user}}, :key::text, 'Holding', 'studio', 'studio-1', 'a lighthouse by the sea at sunset, waves, gulls', 4, 1280, 720, 42, NULL, 0::smallint, 4 WHERE (SELECT count(*) FROM videos.generations WHERE user_id = {{user}} AND phase NOT IN ('Ready', 'Failed', 'Cancelled')) < 1000 RETURNING id AS generation \gset
            COMMIT;
            SELECT moved, state::text, amount, credits, held, coins, changed_at FROM payments.hold({{user}}, :generation, 4);
            BEGIN;
            UPDATE videos.generations SET phase = 'Queued', failure_class = NULL, failure_detail = NULL, deadline = now() + interval '1 day', queued_deadline = now() + interval '1 day', provider_job = NULL, submissions = 0, bad_outputs = 0, transients = 0, submitted_at = NULL, progress = 0, preview_key = NULL, manifest = NULL::jsonb, held = 4, captured = 0, released = 0, updated_at = clock_timestamp() WHERE id = :generation AND phase = 'Holding' AND submissions = 0 RETURNING id, user_id, request_key, phase, failure_class, failure_detail, deadline, queued_deadline, provider, model, prompt, seconds, width, height, seed, reference_key, priority, quoted, held, captured, released, provider_job, submissions, bad_outputs, transients, submitted_at, progress::float8, preview_key, manifest::text, work_id, created_at, updated_at;
            INSERT INTO videos.jobs (id, kind, owner, priority, turn, run_at, payload) VALUES (:generation, 'studio', {{user}}, 0::smallint, (SELECT count(*)::integer FROM videos.jobs WHERE owner = {{user}}), now() + interval '0', '{}'::jsonb);
            UPDATE videos.idempotency SET status = coalesce(status, 202::smallint), reply = coalesce(reply, convert_to(repeat('x', 520), 'UTF8')) WHERE owner = {{user}} AND key = :key::text RETURNING status, reply;
            SELECT pg_notify('videos_jobs', '');
            COMMIT;

            """);
        return path;
    }

    private static async Task<double> RunOneAsync(IReadOnlyList<string> scripts, int shard, string socket, int port, string user, int clients, TimeSpan length, CancellationToken cancellationToken)
    {
        List<string> arguments = ["-n", "-M", "prepared", "-h", socket, "-p", Text(port), "-U", user, "-c", Text(clients), "-j", "1", "-T", Text((int)length.TotalSeconds)];
        foreach (var script in scripts) arguments.AddRange(["-f", script]);
        arguments.Add($"skyriff_{Text(shard)}");
        var output = await RunAsync("pgbench", arguments, cancellationToken);
        var rate = Rate().Match(output);
        return rate.Success ? double.Parse(rate.Groups["tps"].Value, CultureInfo.InvariantCulture) : throw new InvalidOperationException("pgbench failed: " + output);
    }

    /// <summary>What the program printed, on both streams.</summary>
    private static async Task<string> RunAsync(string program, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo(Find(program), arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false }) ?? throw new InvalidOperationException($"{program} did not start.");
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return await output + await errors;
    }

    private static string Find(string program) => Directory.Exists("/usr/lib/postgresql")
        ? Directory.EnumerateDirectories("/usr/lib/postgresql").Select(version => Path.Combine(version, "bin", program)).Where(File.Exists).Order(StringComparer.Ordinal).LastOrDefault() ?? program
        : program;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"tps = (?<tps>[0-9.]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Rate();
}
