using System.Diagnostics;
using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Objects;
using SkyRiff.Objects.Disk;
using Xunit;

namespace SkyRiff.Foundation.Tests.Objects;

public sealed class DiskObjectStoreTests : ObjectStoreConformance, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("skyriff-objects-").FullName;

    public DiskObjectStoreTests() => Store = Open(freeBytesMin: 0);

    protected override IObjectStore Store { get; }

    private string Root => Path.Combine(_folder, "store");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Another_process_finds_what_was_stored()
    {
        await PutAsync("a/b", [1, 2, 3]);

        var other = Open(freeBytesMin: 0);

        (await other.StatAsync(ObjectKey.Of("a/b"), Token))!.Length.ShouldBe(3);
    }

    [Fact]
    public async Task Failed_and_finished_puts_leave_no_unfinished_file()
    {
        await PutAsync("ok", RandomBytes(10));
        await ShouldFailAsync(ObjectStoreFault.TooLarge, () => PutAsync("big", RandomBytes((10 << 20) + 1)));

        Directory.EnumerateFiles(Path.Combine(Root, "incoming")).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_a_killed_put_left_behind_is_purged_only_once_it_is_idle()
    {
        var left = Path.Combine(Root, "incoming", "left-by-a-killed-process");
        await File.WriteAllBytesAsync(left, RandomBytes(10), Token);
        var written = new DateTimeOffset(File.GetLastWriteTimeUtc(left));

        (await Store.PurgeIncompleteAsync(written - TimeSpan.FromHours(1), Token)).ShouldBe(0);
        File.Exists(left).ShouldBeTrue();
        (await Store.PurgeIncompleteAsync(written + TimeSpan.FromSeconds(1), Token)).ShouldBe(1);
        File.Exists(left).ShouldBeFalse();
    }

    [Fact]
    public async Task A_damaged_object_is_a_fault_and_never_half_an_object()
    {
        await PutAsync("hurt", RandomBytes(5000));
        var file = Directory.EnumerateFiles(Root, "hurt@", SearchOption.AllDirectories).Single();
        await using (var stream = File.OpenWrite(file)) stream.SetLength(stream.Length - 1);

        await ShouldFailAsync(ObjectStoreFault.Io, () => Store.OpenReadAsync(ObjectKey.Of("hurt"), null, Token));
        await ShouldFailAsync(ObjectStoreFault.Io, () => Store.StatAsync(ObjectKey.Of("hurt"), Token));
    }

    [Fact]
    public async Task A_trailer_longer_than_one_read_is_found()
    {
        var metadata = Enumerable.Range(0, PutOptions.MetadataCountMax).ToDictionary(i => $"name-{i}", _ => new string('v', PutOptions.MetadataValueLengthMax));
        var options = Options() with { Metadata = metadata };

        await Store.PutAsync(ObjectKey.Of("wordy"), new MemoryStream([1, 2]), options, Token);

        (await Store.StatAsync(ObjectKey.Of("wordy"), Token))!.Metadata.ShouldBe(metadata, ignoreOrder: true);
        (await ReadAsync("wordy")).ShouldBe([1, 2]);
    }

    [Fact]
    public async Task Deleting_the_last_object_of_a_folder_removes_the_folder()
    {
        await PutAsync("works/42/deep/er/a", [1]);
        await Store.DeleteAsync(ObjectKey.Of("works/42/deep/er/a"), Token);

        Directory.EnumerateDirectories(Path.Combine(Root, "objects"), "works", SearchOption.AllDirectories).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_disk_at_its_reserve_takes_nothing_more()
    {
        var full = Open(freeBytesMin: long.MaxValue);
        await PutAsync("before", [1]);

        await ShouldFailAsync(ObjectStoreFault.NoSpace, () => full.PutAsync(ObjectKey.Of("x"), new MemoryStream([1]), Options(), Token));

        await using var read = await full.OpenReadAsync(ObjectKey.Of("before"), null, Token);
        read.Length.ShouldBe(1);
    }

    [Fact]
    public async Task A_full_disk_is_told_from_other_faults_and_keeps_what_was_there()
    {
        var mount = Directory.CreateDirectory(Path.Combine(_folder, "small")).FullName;
        if (!Run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", mount)) Assert.Skip("Making a small disk needs the right to mount.");
        try
        {
            var small = new DiskObjectStore(new DiskObjectStoreOptions { Root = mount, FreeBytesMin = 0 }, Clock, Entropy.System);
            await small.PutAsync(ObjectKey.Of("first"), new MemoryStream(RandomBytes(100_000)), Options(), Token);

            await ShouldFailAsync(ObjectStoreFault.NoSpace, () => small.PutAsync(ObjectKey.Of("second"), new MemoryStream(RandomBytes(400_000)), Options(), Token));

            Directory.EnumerateFiles(Path.Combine(mount, "incoming")).ShouldBeEmpty();
            (await small.StatAsync(ObjectKey.Of("second"), Token)).ShouldBeNull();
            (await small.StatAsync(ObjectKey.Of("first"), Token))!.Length.ShouldBe(100_000);

            var crossing = ScratchFile("from-another-disk");
            await File.WriteAllBytesAsync(crossing, RandomBytes(50_000), Token);
            (await small.PutFileAsync(ObjectKey.Of("third"), crossing, Options(), Token)).Length.ShouldBe(50_000);
            File.Exists(crossing).ShouldBeFalse();
        }
        finally
        {
            Run("umount", mount).ShouldBeTrue("the small disk could not be unmounted");
        }
    }

    protected override string ScratchFile(string name) => Path.Combine(_folder, name);

    private DiskObjectStore Open(long freeBytesMin) => new(new DiskObjectStoreOptions { Root = Root, FreeBytesMin = freeBytesMin }, Clock, Entropy.System);

    private static bool Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, UseShellExecute = false });
        process!.WaitForExit();
        return process.ExitCode == 0;
    }
}
