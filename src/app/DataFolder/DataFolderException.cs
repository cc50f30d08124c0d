namespace SkyRiff.App;

internal enum DataFolderFault
{
    InUse,
    NotWritable,
    DiskFull,

    /// <summary>The folder holds something, but not what SkyRiff wrote.</summary>
    Damaged,

    /// <summary>The folder's format number is higher than the one this program knows.</summary>
    Newer,
}

/// <summary>The data folder cannot be used; the message is meant for the person at the terminal and says what to do.</summary>
internal sealed class DataFolderException(DataFolderFault kind, string message, Exception? inner = null) : Exception(message, inner)
{
    public DataFolderFault Kind { get; } = kind;
}
