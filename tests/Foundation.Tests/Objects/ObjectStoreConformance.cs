using System.Security.Cryptography;
using System.Text;
using Shouldly;
using SkyRiff.Objects;
using Xunit;

namespace SkyRiff.Foundation.Tests.Objects;

/// <summary>What every implementation of <see cref="IObjectStore"/> passes; a test class per implementation says how to make one.</summary>
public abstract class ObjectStoreConformance
{
    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>An empty store whose objects are stamped by <see cref="Clock"/>.</summary>
    protected abstract IObjectStore Store { get; }

    protected SettableClock Clock { get; } = new();

    /// <summary>A path that a scratch file may be written to.</summary>
    protected abstract string ScratchFile(string name);

    [Fact]
    public async Task What_was_put_is_read_back_with_its_length_hash_type_and_metadata()
    {
        var content = RandomBytes(300_000);
        var options = new PutOptions { ContentType = "video/mp4", LengthMax = 300_000, Metadata = new Dictionary<string, string> { ["work"] = "42", ["of"] = "a b" } };

        var put = await Store.PutAsync(ObjectKey.Of("works/42/clip.mp4"), new MemoryStream(content), options, Token);
        var stat = await Store.StatAsync(ObjectKey.Of("works/42/clip.mp4"), Token);

        put.Length.ShouldBe(300_000);
        put.Sha256.ShouldBe(Convert.ToHexStringLower(SHA256.HashData(content)));
        put.StoredAt.ShouldBe(Clock.GetUtcNow());
        stat.ShouldNotBeNull();
        foreach (var stored in new[] { put, stat })
        {
            (stored.Key.Value, stored.Length, stored.Sha256, stored.ContentType, stored.StoredAt)
                .ShouldBe(("works/42/clip.mp4", put.Length, put.Sha256, "video/mp4", put.StoredAt));
            stored.Metadata.ShouldBe(options.Metadata, ignoreOrder: true);
        }

        (await ReadAsync("works/42/clip.mp4")).ShouldBe(content);
    }

    [Fact]
    public async Task An_empty_object_is_an_object()
    {
        var put = await PutAsync("empty", []);

        put.Sha256.ShouldBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        (await ReadAsync("empty")).ShouldBeEmpty();
        await ShouldFailAsync(ObjectStoreFault.RangeNotSatisfiable, () => Store.OpenReadAsync(ObjectKey.Of("empty"), new ByteRange(0, 1), Token));
    }

    [Theory]
    [InlineData(0, 1L, 0, 1)]
    [InlineData(0, 10L, 0, 10)]
    [InlineData(3, 4L, 3, 4)]
    [InlineData(3, null, 3, 7)]
    [InlineData(9, 1L, 9, 1)]
    [InlineData(9, 100L, 9, 1)]
    [InlineData(2, long.MaxValue, 2, 8)]
    public async Task A_range_is_cut_at_the_end(long offset, long? length, int from, int count)
    {
        var content = "0123456789"u8.ToArray();
        await PutAsync("digits", content);

        await using var read = await Store.OpenReadAsync(ObjectKey.Of("digits"), new ByteRange(offset, length), Token);

        (read.Offset, read.Length, read.Object.Length).ShouldBe((from, count, 10));
        (await DrainAsync(read)).ShouldBe(content[from..(from + count)]);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(11)]
    [InlineData(long.MaxValue)]
    public async Task A_range_behind_the_end_cannot_be_satisfied(long offset)
    {
        await PutAsync("digits", "0123456789"u8.ToArray());

        await ShouldFailAsync(ObjectStoreFault.RangeNotSatisfiable, () => Store.OpenReadAsync(ObjectKey.Of("digits"), new ByteRange(offset), Token));
    }

    [Fact]
    public async Task What_is_not_there_is_not_found()
    {
        await ShouldFailAsync(ObjectStoreFault.NotFound, () => Store.OpenReadAsync(ObjectKey.Of("no/such"), null, Token));
        (await Store.StatAsync(ObjectKey.Of("no/such"), Token)).ShouldBeNull();
        (await Store.DeleteAsync(ObjectKey.Of("no/such"), Token)).ShouldBeFalse();
    }

    [Fact]
    public async Task A_deleted_object_is_gone_and_its_neighbours_are_not()
    {
        await PutAsync("a/b/c", [1]);
        await PutAsync("a/b/d", [2]);

        (await Store.DeleteAsync(ObjectKey.Of("a/b/c"), Token)).ShouldBeTrue();

        (await Store.StatAsync(ObjectKey.Of("a/b/c"), Token)).ShouldBeNull();
        (await ReadAsync("a/b/d")).ShouldBe([2]);
    }

    [Fact]
    public async Task A_put_replaces_and_an_open_read_keeps_what_it_opened()
    {
        var first = RandomBytes(1_000_000);
        await PutAsync("same", first);
        await using var read = await Store.OpenReadAsync(ObjectKey.Of("same"), null, Token);

        await PutAsync("same", [9]);
        (await ReadAsync("same")).ShouldBe([9]);
        await Store.DeleteAsync(ObjectKey.Of("same"), Token);

        (await DrainAsync(read)).ShouldBe(first);
    }

    [Fact]
    public async Task A_key_may_be_the_start_of_another()
    {
        await PutAsync("a", [1]);
        await PutAsync("a/b", [2]);
        await PutAsync("a/b/c", [3]);

        (await ReadAsync("a")).ShouldBe([1]);
        (await ReadAsync("a/b")).ShouldBe([2]);
        (await ReadAsync("a/b/c")).ShouldBe([3]);
    }

    [Fact]
    public async Task Content_over_its_limit_is_refused_and_leaves_nothing()
    {
        await PutAsync("kept", [7]);
        var options = new PutOptions { ContentType = "x/y", LengthMax = 99 };

        await ShouldFailAsync(ObjectStoreFault.TooLarge, () => Store.PutAsync(ObjectKey.Of("big"), new MemoryStream(RandomBytes(100)), options, Token));
        await ShouldFailAsync(ObjectStoreFault.TooLarge, () => Store.PutAsync(ObjectKey.Of("kept"), new EndlessStream(), options, Token));

        (await Store.StatAsync(ObjectKey.Of("big"), Token)).ShouldBeNull();
        (await ReadAsync("kept")).ShouldBe([7]);
        (await Store.PutAsync(ObjectKey.Of("fits"), new MemoryStream(RandomBytes(99)), options, Token)).Length.ShouldBe(99);
    }

    [Fact]
    public async Task A_stream_that_breaks_leaves_nothing_and_its_own_error()
    {
        await Should.ThrowAsync<TimeoutException>(() => Store.PutAsync(ObjectKey.Of("broken"), new BreakingStream(), Options(), Token));

        (await Store.StatAsync(ObjectKey.Of("broken"), Token)).ShouldBeNull();
    }

    [Fact]
    public async Task A_cancelled_put_leaves_nothing()
    {
        using var cancelled = new CancellationTokenSource();
        var content = new EndlessStream { OnRead = count => { if (count == 3) cancelled.Cancel(); } };

        await Should.ThrowAsync<OperationCanceledException>(() => Store.PutAsync(ObjectKey.Of("cancelled"), content, Options(), cancelled.Token));

        (await Store.StatAsync(ObjectKey.Of("cancelled"), Token)).ShouldBeNull();
        (await Store.PurgeIncompleteAsync(DateTimeOffset.MaxValue, Token)).ShouldBe(0);
    }

    [Fact]
    public async Task A_file_that_is_put_is_taken()
    {
        var content = RandomBytes(200_000);
        var path = ScratchFile("clip.mp4");
        await File.WriteAllBytesAsync(path, content, Token);

        var put = await Store.PutFileAsync(ObjectKey.Of("works/1/clip.mp4"), path, Options(), Token);

        File.Exists(path).ShouldBeFalse();
        put.Length.ShouldBe(200_000);
        put.Sha256.ShouldBe(Convert.ToHexStringLower(SHA256.HashData(content)));
        (await ReadAsync("works/1/clip.mp4")).ShouldBe(content);
    }

    [Fact]
    public async Task A_file_over_its_limit_stays_as_it_was()
    {
        var path = ScratchFile("big.mp4");
        await File.WriteAllBytesAsync(path, RandomBytes(100), Token);

        var options = new PutOptions { ContentType = "x/y", LengthMax = 99 };
        await ShouldFailAsync(ObjectStoreFault.TooLarge, () => Store.PutFileAsync(ObjectKey.Of("big"), path, options, Token));

        new FileInfo(path).Length.ShouldBe(100);
        (await Store.StatAsync(ObjectKey.Of("big"), Token)).ShouldBeNull();
    }

    [Fact]
    public Task A_scratch_file_that_is_not_there_is_a_fault_and_not_an_object_not_found() =>
        ShouldFailAsync(ObjectStoreFault.Io, () => Store.PutFileAsync(ObjectKey.Of("x"), ScratchFile("missing"), Options(), Token));

    [Fact]
    public async Task A_prefix_lists_its_own_and_no_others()
    {
        string[] keys = ["works/42/a", "works/42/b/c", "works/421/a", "works/4", "works-42/a", "single", "works/42"];
        foreach (var key in keys) await PutAsync(key, Encoding.ASCII.GetBytes(key));

        (await ListAsync("")).ShouldBe(keys, ignoreOrder: true);
        (await ListAsync("works/")).ShouldBe(["works/42/a", "works/42/b/c", "works/421/a", "works/4", "works/42"], ignoreOrder: true);
        (await ListAsync("works/42/")).ShouldBe(["works/42/a", "works/42/b/c"], ignoreOrder: true);
        (await ListAsync("works/42")).ShouldBe(["works/42/a", "works/42/b/c", "works/421/a", "works/42"], ignoreOrder: true);
        (await ListAsync("works")).ShouldBe(keys.Except(["single"]), ignoreOrder: true);
        (await ListAsync("works/42/b/")).ShouldBe(["works/42/b/c"]);
        (await ListAsync("nothing/")).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_sweep_sees_only_what_is_older_than_it_asks()
    {
        await PutAsync("s/old", [1]);
        Clock.Advance(TimeSpan.FromHours(1));
        await PutAsync("s/edge", [2]);
        var edge = Clock.GetUtcNow();
        Clock.Advance(TimeSpan.FromHours(1));
        await PutAsync("s/new", [3]);

        var found = new List<string>();
        await foreach (var stored in Store.ListAsync(ObjectPrefix.Of("s/"), edge, Token)) found.Add(stored.Key.Value);

        found.ShouldBe(["s/old"]);
    }

    [Fact]
    public async Task Many_writers_of_one_key_leave_one_whole_object()
    {
        var contents = Enumerable.Range(0, 16).Select(_ => RandomBytes(50_000)).ToArray();
        var key = ObjectKey.Of("race/for/one");

        await Parallel.ForEachAsync(contents, Token, async (content, token) =>
        {
            await Store.PutAsync(key, new MemoryStream(content), Options(), token);
            await Store.DeleteAsync(key, token);
            await Store.PutAsync(key, new MemoryStream(content), Options(), token);
        });

        await PutAsync("race/for/another", [1]);
        if (await Store.StatAsync(key, Token) is not { } stored) return; // the last delete may have come after the last put
        var read = await ReadAsync(key.Value);
        Convert.ToHexStringLower(SHA256.HashData(read)).ShouldBe(stored.Sha256);
        contents.Any(content => content.AsSpan().SequenceEqual(read)).ShouldBeTrue("the object is none of those that were put");
    }

    [Fact]
    public async Task Metadata_and_types_that_some_store_could_not_keep_are_refused_by_all()
    {
        static PutOptions With(string name, string value) => Options() with { Metadata = new Dictionary<string, string> { [name] = value } };
        PutOptions[] bad =
        [
            With("Name", "v"), With("", "v"), With("n\n", "v"), With("n", "ü"), With("n", "a\r\nb"), With("n", new string('v', 201)),
            With(new string('n', 41), "v"), Options() with { ContentType = "" }, Options() with { ContentType = "a/b\r\nx: y" },
            Options() with { Metadata = Enumerable.Range(0, 17).ToDictionary(i => $"n{i}", _ => "v") },
        ];

        foreach (var options in bad)
            await ShouldFailAsync(ObjectStoreFault.InvalidKey, () => Store.PutAsync(ObjectKey.Of("x"), new MemoryStream(), options, Token));
        await Store.PutAsync(ObjectKey.Of("x"), new MemoryStream(), With(new string('n', 40), new string('v', 200)), Token);
    }

    protected static PutOptions Options() => new() { ContentType = "application/octet-stream", LengthMax = 10 << 20 };

    protected Task<StoredObject> PutAsync(string key, byte[] content) => Store.PutAsync(ObjectKey.Of(key), new MemoryStream(content), Options(), Token);

    protected static async Task ShouldFailAsync(ObjectStoreFault kind, Func<Task> action) =>
        (await Should.ThrowAsync<ObjectStoreException>(action)).Kind.ShouldBe(kind);

    protected async Task<byte[]> ReadAsync(string key)
    {
        await using var read = await Store.OpenReadAsync(ObjectKey.Of(key), null, Token);
        return await DrainAsync(read);
    }

    protected static byte[] RandomBytes(int count)
    {
        var bytes = new byte[count];
        SkyRiff.Kernel.Entropy.System.Fill(bytes);
        return bytes;
    }

    private static async Task<byte[]> DrainAsync(ObjectRead read)
    {
        using var copy = new MemoryStream();
        await read.Content.CopyToAsync(copy, Token);
        return copy.ToArray();
    }

    private async Task<List<string>> ListAsync(string prefix)
    {
        var keys = new List<string>();
        await foreach (var stored in Store.ListAsync(ObjectPrefix.Of(prefix), null, Token)) keys.Add(stored.Key.Value);
        return keys;
    }
}
