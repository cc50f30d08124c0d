using System.Diagnostics;
using System.Globalization;

namespace SkyRiff.App.Engines;

/// <summary>Finds the engines' programs where the usual packages put them.</summary>
internal static class EngineTools
{
    public const int PostgresMajorMin = 15;

    /// <summary>
    /// The folder with <c>postgres</c> and <c>initdb</c>: of version <paramref name="major"/> when a cluster exists already (its files fit one
    /// major version only), else of the highest version that is new enough.
    /// </summary>
    public static string FindPostgres(int? major)
    {
        var installed = Packaged().Where(candidate => File.Exists(Path.Combine(candidate.Folder, "initdb"))).ToList();
        var fits = installed.Where(candidate => major is { } made ? candidate.Major == made : candidate.Major >= PostgresMajorMin).ToList();
        if (fits.Count > 0) return fits.MaxBy(candidate => candidate.Major).Folder;

        // Fedora, Arch and Alpine have one version, straight on the PATH: only the program itself can tell which.
        if (FindOnPath("postgres") is { } program && AskMajor(program) is { } asked && (major is { } needed ? asked == needed : asked >= PostgresMajorMin))
            return Path.GetDirectoryName(File.ResolveLinkTarget(program, returnFinalTarget: true)?.FullName ?? program)!;
        throw new EngineException(EngineFault.ToolMissing, major is { } missing
            ? string.Create(CultureInfo.InvariantCulture, $"The database in this data folder was made by PostgreSQL {missing}, which is not installed. {HowToInstall($"postgresql-{missing}", $"postgresql@{missing}")}")
            : string.Create(CultureInfo.InvariantCulture, $"PostgreSQL {PostgresMajorMin} or newer is not installed. {HowToInstall("postgresql", "postgresql@17")}"));
    }

    public static string FindRedis() =>
        FindOnPath("redis-server") ?? throw new EngineException(EngineFault.ToolMissing, $"Redis 7 or newer is not installed. {HowToInstall("redis-server", "redis")}");

    /// <summary>Also looks where programs for administrators lie, which an ordinary user's PATH leaves out.</summary>
    public static string? FindOnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin", "/opt/homebrew/bin"])
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);

    private static string HowToInstall(string debian, string homebrew) => OperatingSystem.IsMacOS()
        ? $"Install it with: brew install {homebrew}"
        : $"Install the package {debian} (on Debian or Ubuntu: apt-get install --no-install-recommends {debian}).";

    private static IEnumerable<(string Folder, int Major)> Packaged()
    {
        // Debian, Red Hat, Homebrew on both kinds of Mac, Postgres.app: the version stands in the path.
        (string Parent, string Prefix, string Bin)[] layouts =
        [
            ("/usr/lib/postgresql", "", "bin"),
            ("/usr", "pgsql-", "bin"),
            ("/opt/homebrew/opt", "postgresql@", "bin"),
            ("/usr/local/opt", "postgresql@", "bin"),
            ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
        ];
        foreach (var (parent, prefix, bin) in layouts)
        {
            if (!Directory.Exists(parent)) continue;
            foreach (var folder in Directory.EnumerateDirectories(parent, prefix + "*"))
            {
                if (int.TryParse(Path.GetFileName(folder).AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var major))
                    yield return (Path.Combine(folder, bin), major);
            }
        }
    }

    /// <summary>The answer reads <c>postgres (PostgreSQL) 16.4</c>, sometimes with the packager's name behind it.</summary>
    private static int? AskMajor(string program)
    {
        using var asked = Process.Start(new ProcessStartInfo(program, ["--version"]) { UseShellExecute = false, RedirectStandardOutput = true });
        var words = asked?.StandardOutput.ReadToEnd().Split(' ', '.', '\n') ?? [];
        asked?.WaitForExit();
        return words.Select(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var major) ? major : (int?)null).FirstOrDefault(major => major is not null);
    }
}
