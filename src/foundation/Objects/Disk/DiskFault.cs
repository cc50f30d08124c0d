namespace SkyRiff.Objects.Disk;

/// <summary>What the operating system's errors mean to a caller of the store.</summary>
internal static class DiskFault
{
    private const int NoSpaceLeft = 28; // ENOSPC
    private const int QuotaExceeded = 122; // EDQUOT
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);

    public static bool Is(Exception failure) => failure is IOException or UnauthorizedAccessException;

    public static ObjectStoreException Of(Exception failure, string doing)
    {
        var kind = failure switch
        {
            FileNotFoundException or DirectoryNotFoundException => ObjectStoreFault.NotFound,
            { HResult: NoSpaceLeft or QuotaExceeded or WindowsDiskFull or WindowsHandleDiskFull } => ObjectStoreFault.NoSpace,
            _ => ObjectStoreFault.Io,
        };
        return new ObjectStoreException(kind, $"{doing} failed.", failure);
    }

    /// <summary>A missing file while writing is the scratch file or our own folder, not an object of that key.</summary>
    public static ObjectStoreException OfWrite(Exception failure)
    {
        var fault = Of(failure, "Storing an object");
        return fault.Kind == ObjectStoreFault.NotFound ? new ObjectStoreException(ObjectStoreFault.Io, "Storing an object failed.", failure) : fault;
    }
}
