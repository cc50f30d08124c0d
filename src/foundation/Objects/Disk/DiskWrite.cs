using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace SkyRiff.Objects.Disk;

/// <summary>
/// Bytes to the disk, hashed on the way. Only our own disk's errors become <see cref="ObjectStoreException"/>; what the caller's stream
/// throws passes as it is, since it is not the store that failed.
/// </summary>
internal static class DiskWrite
{
    private const int BufferLength = 128 << 10;
    private const long ReserveCheckInterval = 64 << 20; // bytes of one put between two looks at the free space

    public static void Guarded(Action action) => Guarded(() =>
    {
        action();
        return true;
    });

    public static T Guarded<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception failure) when (DiskFault.Is(failure))
        {
            throw DiskFault.OfWrite(failure);
        }
    }

    public static async ValueTask Async(SafeFileHandle file, ReadOnlyMemory<byte> bytes, long offset, CancellationToken token)
    {
        try
        {
            await RandomAccess.WriteAsync(file, bytes, offset, token);
        }
        catch (Exception failure) when (DiskFault.Is(failure))
        {
            throw DiskFault.OfWrite(failure);
        }
    }

    public static async Task<(long Length, string Sha256)> CopyAsync(
        Stream content, SafeFileHandle file, long lengthMax, Action checkReserve, CancellationToken token)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        try
        {
            long length = 0;
            while (true)
            {
                var count = await content.ReadAsync(buffer, token);
                if (count == 0) return (length, Convert.ToHexStringLower(hash.GetHashAndReset()));
                if (length + count > lengthMax) throw TooLarge(lengthMax);
                if ((length % ReserveCheckInterval) + count >= ReserveCheckInterval) checkReserve();
                hash.AppendData(buffer, 0, count);
                await Async(file, buffer.AsMemory(0, count), length, token);
                length += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public static async Task<string> HashAsync(SafeFileHandle file, long length, CancellationToken token)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        try
        {
            for (long offset = 0; offset < length;)
            {
                var count = await RandomAccess.ReadAsync(file, buffer, offset, token);
                if (count == 0) throw new EndOfStreamException("The file shrank while it was read.");
                hash.AppendData(buffer, 0, count);
                offset += count;
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
        catch (Exception failure) when (DiskFault.Is(failure))
        {
            throw DiskFault.OfWrite(failure);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Appends to a file that is still the caller's, and takes it back when that fails.</summary>
    public static async Task AppendAsync(SafeFileHandle file, byte[] trailer, long length, CancellationToken token)
    {
        try
        {
            await Async(file, trailer, length, token);
        }
        catch
        {
            RandomAccess.SetLength(file, length);
            throw;
        }
    }

    public static ObjectStoreException TooLarge(long lengthMax) => new(ObjectStoreFault.TooLarge, $"The content is longer than {lengthMax} bytes.");
}
