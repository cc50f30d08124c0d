using System.Globalization;
using SkyRiff.SystemTests.Engines;
using SkyRiff.SystemTests.Kit;
using Xunit;

[assembly: AssemblyFixture(typeof(FirstFolder))]

namespace SkyRiff.SystemTests.Kit;

/// <summary>
/// A data folder that the program itself has made and left in order, once per run of the tests, to be copied: making a cluster and four databases costs more than
/// most tests do. It goes with the run; that of a run that was killed goes when the next one makes its own.
/// </summary>
public sealed class FirstFolder : IAsyncDisposable
{
    private const string Prefix = "skyriff-first-";

    private static readonly string Place = Path.Combine("/tmp", Prefix + Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
    private static readonly Lazy<Task<string>> Made = new(MakeAsync);

    internal static async Task CopyAsync(string to) => await EngineSite.OutputOfAsync("cp", "-a", "--reflink=auto", await Made.Value, to);

    public ValueTask DisposeAsync()
    {
        if (Directory.Exists(Place)) Directory.Delete(Place, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static async Task<string> MakeAsync()
    {
        foreach (var left in Directory.EnumerateDirectories("/tmp", Prefix + "*"))
        {
            if (!Directory.Exists("/proc/" + Path.GetFileName(left)[Prefix.Length..])) Directory.Delete(left, recursive: true);
        }
        Directory.CreateDirectory(Place);
        File.SetUnixFileMode(Place, (UnixFileMode)0b111_101_101);
        var data = Path.Combine(Place, "data");
        var (code, output) = await ProgramSite.RunAsync(data, [], "migrate");
        return code == 0 ? data : throw new InvalidOperationException($"The first data folder was not made: {output}");
    }
}
