using SkyRiff.App.Engines;

namespace SkyRiff.App;

/// <summary>What the process tells its caller when it ends. Append-only: scripts and service
/// managers rely on the numbers, and <c>./skyriff --help</c> lists them.</summary>
internal enum ExitCode
{
    /// <summary>Done, or stopped cleanly after having been ready.</summary>
    Ok = 0,

    /// <summary>A fault that has no code of its own; the message says which.</summary>
    Failed = 1,

    /// <summary>The command line could not be understood.</summary>
    Usage = 2,

    /// <summary>A program that SkyRiff needs is not installed, or is too old; the message lists what to install.</summary>
    ToolMissing = 3,

    /// <summary>Something else listens on the port.</summary>
    PortTaken = 4,

    /// <summary>Another process works on the data folder.</summary>
    DataFolderInUse = 5,

    /// <summary>The data folder is damaged, was made by a newer SkyRiff, or is not one of ours.</summary>
    DataFolderUnusable = 6,

    /// <summary>There is less free space than the stated minimum.</summary>
    DiskFull = 7,

    /// <summary>A local engine (PostgreSQL or Redis) did not start, or did not come back.</summary>
    EngineFailed = 8,

    /// <summary>The data folder cannot be created, or this user may not write to it.</summary>
    DataFolderNotWritable = 9,

    /// <summary>Stopped by Ctrl+C before it was ready.</summary>
    Interrupted = 130,

    /// <summary>Stopped by SIGTERM before it was ready.</summary>
    Terminated = 143,
}

/// <summary>The one table from a fault to the code that the process ends with.</summary>
internal static class ExitCodes
{
    public static ExitCode Of(Exception fault) => fault switch
    {
        OperationCanceledException => ExitCode.Interrupted,
        EngineException engine => engine.Kind switch
        {
            EngineFault.ToolMissing => ExitCode.ToolMissing,
            EngineFault.DiskFull => ExitCode.DiskFull,
            EngineFault.FolderUnusable => ExitCode.DataFolderUnusable,
            _ => ExitCode.EngineFailed,
        },
        DataFolderException folder => folder.Kind switch
        {
            DataFolderFault.InUse => ExitCode.DataFolderInUse,
            DataFolderFault.DiskFull => ExitCode.DiskFull,
            DataFolderFault.NotWritable => ExitCode.DataFolderNotWritable,
            _ => ExitCode.DataFolderUnusable,
        },
        _ => ExitCode.Failed,
    };
}
