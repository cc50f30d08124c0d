using System.CommandLine;

namespace SkyRiff.App.Instances;

/// <summary>The options that every command which works on an instance has.</summary>
internal static class InstanceOptions
{
    public static Option<DirectoryInfo?> Data() => new("--data") { Description = "The data folder; by default ./data beside the sources." };

    public static Option<FileInfo?> Config() => new("--config") { Description = "A JSON file with settings; by default skyriff.json in the data folder, if it is there." };
}
