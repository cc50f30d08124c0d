using System.Globalization;
using Shouldly;
using SkyRiff.App;
using SkyRiff.Kernel;
using Xunit;

namespace SkyRiff.SystemTests.Engines;

public sealed class DataFolderTests
{
    [Fact]
    public void A_new_folder_is_closed_to_others_and_keeps_its_id()
    {
        using var site = new EngineSite();
        string id;
        using (var made = site.Open())
        {
            id = made.Id;
            (File.GetUnixFileMode(made.Path) & (UnixFileMode.GroupRead | UnixFileMode.OtherRead | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)).ShouldBe(UnixFileMode.None);
            File.GetUnixFileMode(made.Subfolder("objects")).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        using var again = site.Open();
        again.Id.ShouldBe(id);
        id.Length.ShouldBe(16);
    }

    [Fact]
    public void Two_folders_made_one_after_the_other_at_one_path_have_different_ids()
    {
        using var site = new EngineSite();
        var first = IdOf(site);
        Directory.Delete(site.DataPath, recursive: true);
        IdOf(site).ShouldNotBe(first);
    }

    [Fact]
    public void A_second_owner_is_refused_and_told_which_process_and_which_folder()
    {
        using var site = new EngineSite();
        using var owner = site.Open();
        var fault = Refused(site);
        fault.Kind.ShouldBe(DataFolderFault.InUse);
        ExitCodes.Of(fault).ShouldBe(ExitCode.DataFolderInUse);
        fault.Message.ShouldContain(string.Create(CultureInfo.InvariantCulture, $"process {Environment.ProcessId}"));
        fault.Message.ShouldContain(site.DataPath);
        DataFolder.TryFindOwner(site.DataPath).ShouldBe(Environment.ProcessId);
    }

    [Fact]
    public void A_folder_reached_through_a_link_is_the_same_folder()
    {
        using var site = new EngineSite();
        using var owner = site.Open();
        var link = Path.Combine(site.Root, "link");
        Directory.CreateSymbolicLink(link, site.Root);
        Should.Throw<DataFolderException>(() => DataFolder.Open(Path.Combine(link, "data"), Entropy.System)).Kind.ShouldBe(DataFolderFault.InUse);
    }

    [Fact]
    public void A_folder_given_up_can_be_taken()
    {
        using var site = new EngineSite();
        site.Open().Dispose();
        DataFolder.TryFindOwner(site.DataPath).ShouldBeNull();
        site.Open().Dispose();
    }

    [Fact]
    public void A_folder_of_a_newer_SkyRiff_is_refused_with_both_numbers_and_left_alone()
    {
        using var site = new EngineSite();
        site.Open().Dispose();
        var stamp = Path.Combine(site.DataPath, "version");
        File.WriteAllText(stamp, "skyriff-data 3\nid 0123456789abcdef\nsomething new\n");
        var fault = Refused(site);
        fault.Kind.ShouldBe(DataFolderFault.Newer);
        ExitCodes.Of(fault).ShouldBe(ExitCode.DataFolderUnusable);
        fault.Message.ShouldContain("made by a newer SkyRiff (format 3; this one knows 1)");
        File.ReadAllText(stamp).ShouldContain("something new");
    }

    [Theory]
    [InlineData("")]
    [InlineData("\0\0\0\0\0\0\0\0")]
    [InlineData("skyriff-data 1\n")]
    [InlineData("skyriff-data one\nid 0123456789abcdef\n")]
    [InlineData("skyriff-data 0\nid 0123456789abcdef\n")]
    [InlineData("skyriff-data -1\nid 0123456789abcdef\n")]
    [InlineData("skyriff-data 1\nid ../../../etc/pass\n")]
    [InlineData("skyriff-data 99999999999\nid 0123456789abcdef\n")]
    public void A_damaged_stamp_is_refused_not_replaced(string text)
    {
        using var site = new EngineSite();
        site.Open().Dispose();
        File.WriteAllText(Path.Combine(site.DataPath, "version"), text);
        Refused(site).Kind.ShouldBe(DataFolderFault.Damaged);
        File.ReadAllText(Path.Combine(site.DataPath, "version")).ShouldBe(text);
    }

    [Fact]
    public void A_folder_with_someone_elses_files_is_refused()
    {
        using var site = new EngineSite();
        Directory.CreateDirectory(site.DataPath);
        File.WriteAllText(Path.Combine(site.DataPath, "thesis.tex"), "mine");
        var fault = Refused(site);
        fault.Kind.ShouldBe(DataFolderFault.Damaged);
        fault.Message.ShouldContain("not a SkyRiff data folder");
    }

    [Fact]
    public void A_first_start_that_was_killed_before_the_stamp_is_begun_again()
    {
        using var site = new EngineSite();
        Directory.CreateDirectory(site.DataPath);
        File.WriteAllText(Path.Combine(site.DataPath, "lock"), "");
        File.WriteAllText(Path.Combine(site.DataPath, "version.new"), "skyr");
        IdOf(site).Length.ShouldBe(16);
    }

    [Fact]
    public void Too_little_free_space_is_refused_with_both_figures()
    {
        using var site = new EngineSite();
        var fault = Should.Throw<DataFolderException>(() => DataFolder.Open(site.DataPath, Entropy.System, freeBytesMin: long.MaxValue));
        fault.Kind.ShouldBe(DataFolderFault.DiskFull);
        ExitCodes.Of(fault).ShouldBe(ExitCode.DiskFull);
        fault.Message.ShouldContain("MB free");
        fault.Message.ShouldContain($"{(long.MaxValue >> 20).ToString(CultureInfo.InvariantCulture)} MB");
    }

    [Theory]
    [InlineData("/proc/skyriff-data")]
    [InlineData("/dev/null/data")]
    public void A_place_that_cannot_be_written_is_named(string path)
    {
        var fault = Should.Throw<DataFolderException>(() => DataFolder.Open(path, Entropy.System));
        fault.Kind.ShouldBe(DataFolderFault.NotWritable);
        ExitCodes.Of(fault).ShouldBe(ExitCode.DataFolderNotWritable);
        fault.Message.ShouldContain(path);
    }

    private static string IdOf(EngineSite site)
    {
        using var folder = site.Open();
        return folder.Id;
    }

    private static DataFolderException Refused(EngineSite site) => Should.Throw<DataFolderException>(() => site.Open().Dispose());
}
