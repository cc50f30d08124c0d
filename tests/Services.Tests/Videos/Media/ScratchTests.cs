using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Videos.Media;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Media;

public sealed class ScratchTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("skyriff-scratch-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_run_has_a_folder_of_its_own_that_goes_with_it()
    {
        using var other = Scratch.New(_root, Entropy.System);
        string folder;
        using (var scratch = Scratch.New(_root, Entropy.System))
        {
            folder = scratch.Folder;
            folder.ShouldNotBe(other.Folder);
            File.WriteAllText(scratch.File("half.mp4"), "x");
        }

        Directory.Exists(folder).ShouldBeFalse();
        Directory.Exists(other.Folder).ShouldBeTrue();
    }

    [Fact]
    public void A_sweep_takes_what_a_killed_process_left_and_nothing_fresh_or_foreign()
    {
        using var live = Scratch.New(_root, Entropy.System);
        var dead = Directory.CreateDirectory(Path.Combine(_root, "run-dead")).FullName;
        File.WriteAllText(Path.Combine(dead, "half.mp4"), "x");
        var foreign = Directory.CreateDirectory(Path.Combine(_root, "kept")).FullName;
        var now = new DateTimeOffset(Directory.GetLastWriteTimeUtc(live.Folder));
        foreach (var folder in new[] { dead, foreign }) Directory.SetLastWriteTimeUtc(folder, now.UtcDateTime.AddHours(-2));

        Scratch.Sweep(_root, now.AddHours(-1)).ShouldBe(1);

        (Directory.Exists(dead), Directory.Exists(foreign), Directory.Exists(live.Folder)).ShouldBe((false, true, true));
        Scratch.Sweep(Path.Combine(_root, "no-such-folder"), now).ShouldBe(0);
    }
}
