using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Idempotency;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

/// <summary>What the README shows is what stands here, and it works.</summary>
public sealed class ReadmeExample(SharedPostgres shared) : DataTest(shared)
{
    private static readonly ProblemCode KeyReused = new("clips.key_reused", ProblemCategory.Invalid, "Key reused");

    protected override int ShardCount => 2;

    [Fact]
    public async Task The_example_renders_a_clip_once()
    {
        await new Migrator(Map, NullLogger<Migrator>.Instance).RunAsync([[Migration("clips", Block("sql"))]], Ct);
        var database = new Clips(Map);
        var queue = new JobQueue(database, new JobQueueOptions());
        var requests = new ClipRequests(database, queue);
        var owner = new UserId(Id.Compose(Id.Epoch.AddDays(9), slot: 7, sequence: 1));
        var key = new IdempotencyKey("key", SHA256.HashData("body"u8));

        var first = await requests.RequestAsync(owner, "the sea", key, Ct);
        var again = await requests.RequestAsync(owner, "the sea", key, Ct);
        var refused = await requests.RequestAsync(owner, "a fire", key with { Fingerprint = SHA256.HashData("other"u8) }, Ct);
        await using var wakeups = new Wakeups(Map, TimeProvider.System, Entropy.System, NullLogger<Wakeups>.Instance);
        await using var runner = new JobRunner(queue, new Rendering(database, queue), wakeups, "worker", TimeProvider.System, Entropy.System, NullLogger<JobRunner>.Instance);
        await runner.StartAsync(Ct);

        await Eventually.TrueAsync(
            () => database.ReadAsync(7, (session, token) => session.SingleAsync($"SELECT state = 'ready' FROM clips.clips", row => row.Bool(0), token), Ct), "the clip is ready");
        again.Value.ShouldBe(first.Value);
        refused.Problem!.Code.ShouldBe(KeyReused);
        Id.SlotOf(first.Value).ShouldBe(7);
    }

    [Fact]
    public void The_readme_shows_this_code()
    {
        static string Flat(string text) => string.Join('\n', text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0));

        Flat(File.ReadAllText(Here())).ShouldContain(Flat(Block("csharp")));
    }

    public readonly record struct UserId(long Value) : ITypedId<UserId>
    {
        public static UserId Of(long value) => new(value);
    }

    public sealed class Clips(ShardMap map) : ServiceDatabase(map, Entropy.System, TimeProvider.System, service: "clips");

    public sealed class ClipRequests(Clips database, JobQueue queue)
    {
        /// <summary>Row, job and event commit together or not at all; a repetition answers the first id.</summary>
        public Task<Outcome<long>> RequestAsync(UserId owner, string prompt, IdempotencyKey key, CancellationToken token) =>
            database.TransactAsync<Outcome<long>>(owner.Slot(), async (session, token) =>
            {
                var claim = await IdempotencyLedger.ClaimAsync(session, owner.Value, key, token);
                if (claim is IdempotencyClaim.Mismatch) return KeyReused.Because("This key was used for another request.");
                if (claim is IdempotencyClaim.Replay replay) return BitConverter.ToInt64(replay.Reply.Body.Span);

                var id = await session.SingleAsync($"""
                    INSERT INTO clips.clips (id, owner, prompt) VALUES (skyriff.next_id({owner.Slot()}), {owner}, {prompt}) RETURNING id
                    """, row => row.Long(0), token);
                await queue.EnqueueAsync(session, new NewJob(id, "render", owner.Value, Priority: 0, Payload: "{}"), token);
                await Outbox.AppendAsync(session, "clips.requested", key: id, $$"""{"id": "{{id}}"}""", token);
                await IdempotencyLedger.StoreAsync(session, owner.Value, key, new StoredReply(202, BitConverter.GetBytes(id)), token);
                return id;
            }, token);
    }

    public sealed class Rendering(Clips database, JobQueue queue) : IJobHandler
    {
        public async Task HandleAsync(LeasedJob job, CancellationToken lost)
        {
            await RenderAsync(job.Id, lost); // outside any transaction; OpenTransaction.Forbid stands in front of such calls
            await database.TransactAsync(Id.SlotOf(job.Id), async (session, token) =>
            {
                await queue.VerifyAsync(session, job.Lease, token); // a worker that lost its lease gets no further
                await session.ExecuteAsync($"UPDATE clips.clips SET state = {"ready"} WHERE id = {job.Id}", token);
                await queue.FinishAsync(session, job.Lease, "ready", token);
            }, lost);
        }
    }

    private static Task RenderAsync(long id, CancellationToken token)
    {
        OpenTransaction.Forbid($"rendering {id}");
        return Task.CompletedTask.WaitAsync(token);
    }

    private static string Block(string language)
    {
        var readme = File.ReadAllText(Path.Combine(Path.GetDirectoryName(Here())!, "../../../src/foundation/Data/README.md"), Encoding.UTF8);
        var start = readme.IndexOf($"```{language}\n", StringComparison.Ordinal) + language.Length + 4;
        return readme[start..readme.IndexOf("\n```", start, StringComparison.Ordinal)];
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
