using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Shouldly;
using SkyRiff.Caching;
using SkyRiff.Foundation.Tests.Redis;
using SkyRiff.Redis;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching;

/// <summary>Readers and writers of all kinds on several processes at once, while the connections that tell of writes are killed: nobody is left with an old value.</summary>
[Collection(nameof(RedisServerFixture))]
public sealed class ConsistencyTests(RedisServerFixture fixture)
{
    private const int Keys = 8;
    private const int Processes = 3;
    private const int WorkersPerProcess = 3;
    private const int MovesPerWorker = 600;

    /// <summary>The stated bound is 2 s; the rest is for a machine that is slow to run anything.</summary>
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(8);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Whoever_writes_and_however_all_processes_come_to_serve_what_the_source_has(int seed)
    {
        var source = new ClipSource();
        var history = new ConcurrentDictionary<long, ConcurrentQueue<(long DoneAt, int Version)>>();
        var versions = new int[Keys];
        for (var id = 0; id < Keys; id++) source[id] = new Clip(id, "0");
        var processes = new List<CacheProcess>();
        for (var i = 0; i < Processes; i++) processes.Add(await CacheProcess.StartAsync(fixture.Server, prefix: $"c{seed}"));
        var families = processes.ConvertAll(process => process.Cache.Family(new CacheFamilyOptions<long, Clip>
        {
            Name = "clips",
            Payload = ClipSource.Payload,
            Load = async (ids, token) =>
            {
                var read = await source.LoadAsync(ids, token);
                await Task.Yield(); // what was read grows old
                return read;
            },
            Tags = (id, _) => [id % 2 == 0 ? "even" : "odd"],
            LoadsWaitingMax = 100_000,
        }));

        // Each key has one writer at a time, as a row has in a database.
        var rows = Enumerable.Range(0, Keys).Select(_ => new SemaphoreSlim(1)).ToArray();
        async Task<Clip> ChangeAsync(long id)
        {
            await rows[id].WaitAsync(Cancellation);
            try
            {
                return source[id] = new Clip(id, $"{++versions[id]}");
            }
            finally
            {
                rows[id].Release();
            }
        }

        void Done(long id, Clip written) => history.GetOrAdd(id, _ => new()).Enqueue((Stopwatch.GetTimestamp(), int.Parse(written.Title, CultureInfo.InvariantCulture)));

        async Task WorkAsync(int process, int worker)
        {
            var random = new Random((seed * 1_000) + (process * 10) + worker);
            var clips = families[process];
            for (var move = 0; move < MovesPerWorker; move++)
            {
                long id = random.Next(Keys);
                switch (random.Next(40))
                {
                    case 0:
                        Done(id, (await clips.WriteAsync(id, async _ => await ChangeAsync(id), Cancellation))!);
                        break;
                    case 1:
                        var changed = await ChangeAsync(id);
                        await clips.RemoveAsync(id, Cancellation);
                        Done(id, changed);
                        break;
                    case 2:
                        var tagged = await ChangeAsync(id);
                        await processes[process].Cache.InvalidateTagAsync(id % 2 == 0 ? "even" : "odd", Cancellation);
                        Done(id, tagged);
                        break;
                    case 3 when worker == 0 && move % 10 == 0:
                        await KillTrackingAsync(processes[process].Redis);
                        break;
                    default:
                        var before = Stopwatch.GetTimestamp() - (long)(Bound.TotalSeconds * Stopwatch.Frequency);
                        var got = int.Parse((await clips.GetAsync(id, Cancellation))!.Title, CultureInfo.InvariantCulture);
                        var least = history.TryGetValue(id, out var done) ? done.Where(write => write.DoneAt < before).Select(write => write.Version).DefaultIfEmpty(0).Max() : 0;
                        got.ShouldBeGreaterThanOrEqualTo(least, $"process {process} served a value that was old for longer than {Bound}");
                        break;
                }
            }
        }

        await Task.WhenAll(Enumerable.Range(0, Processes).SelectMany(process => Enumerable.Range(0, WorkersPerProcess).Select(worker => Task.Run(() => WorkAsync(process, worker), Cancellation))));

        versions.Sum().ShouldBeGreaterThan(100, "there was something to go wrong");
        for (var process = 0; process < Processes; process++)
        {
            for (long id = 0; id < Keys; id++)
                await Eventually.TrueAsync(async () => await families[process].GetAsync(id, Cancellation) == source[id], $"process {process} serves what the source has of {id}");
        }

        families.Sum(clips => clips.Statistics().LocalHits).ShouldBeGreaterThan(500, "the caches were of use");
        foreach (var process in processes) await process.DisposeAsync();
    }

    [Fact]
    public async Task In_a_cluster_of_Redis_it_is_the_same()
    {
        await using var cluster = await RedisClusterProcess.StartAsync();
        var options = new RedisOptions { Topology = RedisTopology.Cluster, Endpoints = [.. cluster.Servers.Select(server => new RedisEndpoint("127.0.0.1", server.Port))] };
        await using var first = await RedisClient.ConnectAsync(options, Cancellation);
        await using var second = await RedisClient.ConnectAsync(options, Cancellation);
        var source = new ClipSource();
        for (var id = 0; id < 50; id++) source[id] = new Clip(id, "old", id % 2 == 0 ? "ann" : "bob");
        await using var one = CacheProcess.Over(first);
        await using var two = CacheProcess.Over(second);
        await Eventually.TrueAsync(() => one.IsAttached && two.IsAttached, "all masters tell of writes");
        CacheFamilyOptions<long, Clip> Options() => new() { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, Write = source.WriteAsync, Tags = (_, clip) => ["owner-" + clip?.Owner] };
        var (here, there) = (one.Family(Options()), two.Family(Options()));
        var keys = Enumerable.Range(0, 50).Select(id => (long)id).ToArray();
        await here.GetManyAsync(keys, Cancellation);
        await there.GetManyAsync(keys, Cancellation);
        source.Loads.Count.ShouldBe(1, "the second process found all in the cluster");

        await here.SetAsync(1, new Clip(1, "new", "bob"), Cancellation);
        await Eventually.TrueAsync(async () => (await there.GetAsync(1, Cancellation))!.Title == "new", "the write is heard of");
        for (var id = 0; id < 50; id += 2) source[id] = new Clip(id, "new");
        await two.InvalidateTagAsync("owner-ann", Cancellation);
        await Eventually.TrueAsync(async () => (await here.GetManyAsync([0, 2, 48], Cancellation)).All(clip => clip!.Title == "new"), "the tag is heard of");
        (await here.GetAsync(3, Cancellation))!.Title.ShouldBe("old");
    }

    private static async Task KillTrackingAsync(RedisClient redis)
    {
        foreach (var id in await OutageTests.TrackingIdsAsync(redis))
        {
            try
            {
                using var killed = await redis.CallAsync(["CLIENT", "KILL", "ID", id], -1, Cancellation);
            }
            catch (RedisException gone) when (gone.Kind == RedisErrorKind.Refused)
            {
                // another worker was quicker
            }
        }
    }
}
