using System.Runtime.CompilerServices;
using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Objects;
using SkyRiff.Objects.Disk;
using Xunit;

namespace SkyRiff.Foundation.Tests.Objects;

public sealed class ReadmeExample
{
    [Fact]
    public async Task The_example_in_the_readme_does_what_it_says()
    {
        var folder = Directory.CreateTempSubdirectory("skyriff-objects-readme-").FullName;
        try
        {
            using var upload = new MemoryStream(new byte[2048]);
            using var reply = new MemoryStream();
            await ShowAsync(folder, upload, reply, TestContext.Current.CancellationToken);
            reply.Length.ShouldBe(1024);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task The_readme_shows_exactly_this_code()
    {
        var source = await File.ReadAllLinesAsync(ThisFile(), TestContext.Current.CancellationToken);
        var readme = await File.ReadAllTextAsync(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../../src/foundation/Objects/README.md"), TestContext.Current.CancellationToken);

        var example = source.SkipWhile(line => line.Trim() != "// example").Skip(1).TakeWhile(line => line.Trim() != "// end").ToArray();

        example.Length.ShouldBeGreaterThan(5);
        readme.ShouldContain(string.Join('\n', example.Select(line => line.Length == 0 ? line : line[8..])));
    }

    private static async Task ShowAsync(string folder, Stream upload, Stream reply, CancellationToken token)
    {
        // example
        var store = new DiskObjectStore(new DiskObjectStoreOptions { Root = folder, FreeBytesMin = 0 }, TimeProvider.System, Entropy.System);

        var key = ObjectKey.Of("works/42/clip.mp4");
        var stored = await store.PutAsync(key, upload, new PutOptions { ContentType = "video/mp4", LengthMax = 50 << 20 }, token);
        Console.WriteLine($"{stored.Length} bytes, SHA-256 {stored.Sha256}");

        await using var read = await store.OpenReadAsync(key, new ByteRange(Offset: 1024), token);
        await read.Content.CopyToAsync(reply, token);

        var yesterday = TimeProvider.System.GetUtcNow().AddDays(-1);
        await foreach (var old in store.ListAsync(ObjectPrefix.Of("works/42/"), storedBefore: yesterday, token))
            await store.DeleteAsync(old.Key, token);
        // end
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
