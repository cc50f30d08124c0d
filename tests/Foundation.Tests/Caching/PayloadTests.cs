using System.Buffers;
using System.Text;
using Shouldly;
using SkyRiff.Caching;
using SkyRiff.Caching.Payloads;
using SkyRiff.Foundation.Tests.Redis;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Caching;

/// <summary>Bytes of yesterday, of tomorrow, and broken ones. What is in <c>Golden</c> was written once and is never written again.</summary>
[Collection(nameof(RedisServerFixture))]
public sealed class PayloadTests(RedisServerFixture fixture)
{
    private const long Nonce = 0x0123456789ABCDEF;
    private const long Stamp = 4_000_000_000_000_000;
    private const long WrittenAt = 1_767_225_600_000; // where FakeTime begins

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void What_is_written_today_is_what_was_written_before()
    {
        var json = new ArrayBufferWriter<byte>();
        ClipSource.Payload.Write(new Clip(1, "Otters at dusk"), json);
        new Envelope(EnvelopeKind.Value, Nonce, Stamp, WrittenAt, 300_000, 1).Write(json.WrittenSpan).ShouldBe(Golden("value-v1"));
        new Envelope(EnvelopeKind.Absent, Nonce, Stamp, WrittenAt, 30_000, 1).Write([]).ShouldBe(Golden("absent-v1"));
        new Envelope(EnvelopeKind.Tombstone, Nonce, 0, WrittenAt, 0, 0).Write([]).ShouldBe(Golden("tombstone-v1"));
        new Envelope(EnvelopeKind.Mark, Nonce, 0, WrittenAt, 0, 0).Write([]).ShouldBe(Golden("mark-v1"));
    }

    [Fact]
    public async Task Old_bytes_are_still_read()
    {
        var source = new ClipSource();
        await using var process = await CacheProcess.StartAsync(fixture.Server, new FakeTime(), prefix: "p1");
        var clips = process.Cache.Family(source.Options());
        await PutAsync("p1:v:clips:1", Golden("value-v1"));
        await PutAsync("p1:v:clips:2", Golden("absent-v1"));
        (await clips.GetAsync(1, Cancellation)).ShouldBe(new Clip(1, "Otters at dusk"));
        (await clips.GetAsync(2, Cancellation)).ShouldBeNull();
        source.Loads.ShouldBeEmpty();

        source[3] = new Clip(3, "loaded");
        source[4] = new Clip(4, "loaded");
        await PutAsync("p1:v:clips:3", Golden("tombstone-v1"));
        await PutAsync("p1:v:clips:4", Golden("mark-v1"));
        (await clips.GetManyAsync([3, 4], Cancellation)).Select(clip => clip!.Title).ShouldBe(["loaded", "loaded"]);
        (await ReadAsync("p1:v:clips:3"))![1].ShouldBe((byte)EnvelopeKind.Value, "a tombstone seen before the load may be replaced");
        (await ReadAsync("p1:v:clips:4")).ShouldBe(Golden("mark-v1"), "a writer's mark may not");
    }

    [Fact]
    public async Task A_version_that_is_not_known_is_a_miss_and_is_counted()
    {
        var source = new ClipSource { [1] = new Clip(1, "loaded"), [2] = new Clip(2, "loaded") };
        await using var process = await CacheProcess.StartAsync(fixture.Server, new FakeTime(), prefix: "p2");
        var clips = process.Cache.Family(source.Options());
        var nextFormat = Golden("value-v1");
        nextFormat[0] = 2;
        await PutAsync("p2:v:clips:1", nextFormat);
        await PutAsync("p2:v:clips:2", new Envelope(EnvelopeKind.Value, Nonce, Stamp, WrittenAt, 300_000, PayloadVersion: 9).Write("whatever"u8));
        (await clips.GetManyAsync([1, 2], Cancellation)).Select(clip => clip!.Title).ShouldBe(["loaded", "loaded"]);
        clips.Statistics().UnknownVersion.ShouldBe(2);
        (await ReadAsync("p2:v:clips:1"))![0].ShouldBe(Envelope.FormatVersion, "ours took its place");
    }

    [Fact]
    public async Task Damaged_bytes_are_a_miss_and_are_counted()
    {
        var source = new ClipSource();
        await using var process = await CacheProcess.StartAsync(fixture.Server, new FakeTime(), prefix: "p3");
        var clips = process.Cache.Family(source.Options());
        byte[][] broken =
        [
            Golden("value-v1")[..^1], Golden("value-v1")[..20], [1], [1, 0, 3], Encoding.UTF8.GetBytes("hello, this is no envelope"),
            new Envelope(EnvelopeKind.Value, Nonce, Stamp, WrittenAt, 300_000, 1).Write("{\"Id\":"u8),
            new Envelope(EnvelopeKind.Value, Nonce, Stamp, WrittenAt, 300_000, 1).Write("null"u8),
        ];
        for (var id = 0; id < broken.Length; id++)
        {
            source[id] = new Clip(id, "loaded");
            await PutAsync($"p3:v:clips:{id}", broken[id]);
            (await clips.GetAsync(id, Cancellation))!.Title.ShouldBe("loaded");
            (await ReadAsync($"p3:v:clips:{id}"))!.Length.ShouldBeGreaterThan(Envelope.HeaderBytes, "a good one took its place");
        }

        var counted = clips.Statistics();
        (counted.Damaged + counted.UnknownVersion).ShouldBe(broken.Length);
        counted.Damaged.ShouldBeGreaterThanOrEqualTo(5);
    }

    [Fact]
    public void No_changed_byte_and_no_cut_goes_unnoticed()
    {
        var good = Golden("value-v1");
        Envelope.TryRead(good, out var envelope, out var payload).ShouldBe(EnvelopeState.Good);
        envelope.ShouldBe(new Envelope(EnvelopeKind.Value, Nonce, Stamp, WrittenAt, 300_000, 1));
        payload.Length.ShouldBe(good.Length - Envelope.HeaderBytes - 4);
        for (var at = 0; at < good.Length; at++)
        {
            Envelope.TryRead(good.AsSpan(0, at), out _, out _).ShouldNotBe(EnvelopeState.Good);
            for (var bit = 0; bit < 8; bit++)
            {
                var changed = (byte[])good.Clone();
                changed[at] ^= (byte)(1 << bit);
                Envelope.TryRead(changed, out _, out _).ShouldNotBe(EnvelopeState.Good, $"byte {at}, bit {bit}");
            }
        }
    }

    [Fact]
    public async Task A_value_that_is_too_large_for_Redis_lives_in_memory_only()
    {
        var source = new ClipSource { [1] = new Clip(1, new string('x', 2000)) };
        await using var process = await CacheProcess.StartAsync(fixture.Server, prefix: "p4");
        var clips = process.Cache.Family(new CacheFamilyOptions<long, Clip> { Name = "clips", Load = source.LoadAsync, Payload = ClipSource.Payload, RedisBytesMax = 1000 });
        await clips.GetAsync(2, Cancellation);
        await ReadingTests.SettleAsync(process);
        await clips.GetAsync(2, Cancellation);
        var before = source.Loads.Count;
        (await clips.GetAsync(1, Cancellation)).ShouldNotBeNull();
        (await clips.GetAsync(1, Cancellation)).ShouldNotBeNull();
        (source.Loads.Count - before).ShouldBe(1);
        clips.Statistics().Oversize.ShouldBe(1);
        (await ReadAsync("p4:v:clips:1")).ShouldBeNull();
    }

    [Fact]
    public async Task A_key_whose_text_is_empty_or_too_long_is_refused()
    {
        await using var cache = CacheProcess.Alone();
        var texts = cache.Family(new CacheFamilyOptions<string, Clip> { Name = "texts", Load = (_, _) => Task.FromResult<IReadOnlyDictionary<string, Clip>>(new Dictionary<string, Clip>()), Payload = ClipSource.Payload });
        await Should.ThrowAsync<ArgumentException>(async () => await texts.GetAsync("", Cancellation));
        await Should.ThrowAsync<ArgumentException>(async () => await texts.GetAsync(new string('k', 600), Cancellation));
        (await texts.GetAsync(new string('k', 400), Cancellation)).ShouldBeNull();
    }

    private static byte[] Golden(string name) => Convert.FromBase64String(File.ReadAllText(Path.Combine(Sources.Root, "tests/Foundation.Tests/Caching/Golden", name + ".base64")));

    private async Task PutAsync(string key, byte[] bytes) => await fixture.Redis.SetAsync(key, bytes, TimeSpan.FromMinutes(10), Cancellation);

    private async Task<byte[]?> ReadAsync(string key)
    {
        using var stored = await fixture.Redis.GetAsync(key, Cancellation);
        return stored.ToArray();
    }
}
