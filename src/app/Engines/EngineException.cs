namespace SkyRiff.App.Engines;

internal enum EngineFault
{
    /// <summary>A program is not installed or has the wrong version; the message lists what to install.</summary>
    ToolMissing,

    /// <summary>The engine's own folder is gone, belongs to another data folder, or cannot be entered.</summary>
    FolderUnusable,

    DiskFull,

    /// <summary>It ended before it was ready, or was not ready within its limit.</summary>
    NotStarted,

    /// <summary>It ended while it was needed; it is being restarted.</summary>
    Died,
}

/// <summary>A local engine failed; the message is meant for the person at the terminal.</summary>
internal sealed class EngineException(EngineFault kind, string message, Exception? inner = null) : Exception(message, inner)
{
    public EngineFault Kind { get; } = kind;
}
