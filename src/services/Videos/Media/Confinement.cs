namespace SkyRiff.Videos.Media;

/// <summary>
/// The words in front of a program's name that confine it: die with us (setpriv), limits on memory, CPU, file size and descriptors (prlimit),
/// step back (nice). Each replaces itself by the next, so the process id we hold is the program's own. What is not installed is left out.
/// </summary>
internal sealed class Confinement
{
    private const int DescriptorsMax = 64;

    private readonly string? _setpriv = Find("setpriv");
    private readonly string? _prlimit = Find("prlimit");
    private readonly string? _nice = Find("nice");

    public IEnumerable<string> Prefix(MediaOptions options)
    {
        if (_setpriv is not null) foreach (var word in (string[])[_setpriv, "--pdeathsig", "KILL", "--no-new-privs", "--"]) yield return word;
        if (_prlimit is not null)
        {
            var cpuSeconds = (long)Math.Ceiling(options.RunDurationMax.TotalSeconds * options.Threads);
            yield return _prlimit;
            yield return $"--as={options.MemoryBytesMax}";
            yield return $"--cpu={cpuSeconds}:{cpuSeconds + 5}";
            yield return $"--fsize={options.OutputBytesMax}";
            yield return $"--nofile={DescriptorsMax}";
            yield return "--core=0";
            yield return "--";
        }

        if (_nice is not null) foreach (var word in (string[])[_nice, "-n", options.Niceness.ToString()]) yield return word;
    }

    /// <summary>The full path of a program on the PATH; null when there is none.</summary>
    public static string? Find(string program)
    {
        if (Path.IsPathFullyQualified(program)) return File.Exists(program) ? program : null;
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        var name = OperatingSystem.IsWindows() ? program + ".exe" : program;
        return folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }
}
