using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;
using SkyRiff.Kernel;

namespace SkyRiff.Objects.Disk;

/// <summary>
/// Objects as files of one folder. A put writes to <c>incoming/</c>, syncs, renames into place and syncs the folder, so an object appears whole or
/// not at all, and stays. Safe for any number of processes on one machine; not meant for network file systems.
/// </summary>
public sealed class DiskObjectStore : IObjectStore
{
    private const int PublishTriesMax = 5;

    private readonly DiskLayout _layout;
    private readonly TimeProvider _time;
    private readonly Entropy _entropy;
    private readonly long _freeBytesMin;

    /// <exception cref="ObjectStoreException">The root folder cannot be made.</exception>
    public DiskObjectStore(DiskObjectStoreOptions options, TimeProvider time, Entropy entropy)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(options.FreeBytesMin, nameof(options));
        (_time, _entropy, _freeBytesMin) = (time, entropy, options.FreeBytesMin);
        _layout = new DiskLayout(Path.GetFullPath(options.Root));
        try
        {
            Directory.CreateDirectory(_layout.Objects);
            Directory.CreateDirectory(_layout.Incoming);
        }
        catch (Exception failure) when (DiskFault.Is(failure))
        {
            throw DiskFault.Of(failure, "Making the object folder");
        }
    }

    public async Task<StoredObject> PutAsync(ObjectKey key, Stream content, PutOptions options, CancellationToken token)
    {
        options.Validate();
        var incoming = NewIncomingFile();
        try
        {
            RefuseWhenShort();
            StoredObject stored;
            using (var file = DiskWrite.Guarded(() => File.OpenHandle(incoming, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.Asynchronous)))
            {
                var (length, hash) = await DiskWrite.CopyAsync(content, file, options.LengthMax, RefuseWhenShort, token);
                stored = Describe(key, length, hash, options);
                await DiskWrite.Async(file, ObjectTrailer.Write(stored), length, token);
                DiskWrite.Guarded(() => RandomAccess.FlushToDisk(file));
            }

            DiskWrite.Guarded(() => Publish(incoming, key));
            return stored;
        }
        catch
        {
            TryDelete(incoming);
            throw;
        }
    }

    public async Task<StoredObject> PutFileAsync(ObjectKey key, string path, PutOptions options, CancellationToken token)
    {
        options.Validate();
        var incoming = NewIncomingFile();
        try
        {
            RefuseWhenShort();
            StoredObject stored;
            using (var file = DiskWrite.Guarded(() => File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read, FileOptions.Asynchronous)))
            {
                var length = RandomAccess.GetLength(file);
                if (length > options.LengthMax) throw DiskWrite.TooLarge(options.LengthMax);
                stored = Describe(key, length, await DiskWrite.HashAsync(file, length, token), options);
                await DiskWrite.AppendAsync(file, ObjectTrailer.Write(stored), length, token);
                DiskWrite.Guarded(() => RandomAccess.FlushToDisk(file));
            }

            DiskWrite.Guarded(() =>
            {
                File.Move(path, incoming); // a copy when it lies on another file system, which the next line makes durable
                SyncFile(incoming);
                Publish(incoming, key);
            });
            return stored;
        }
        catch
        {
            TryDelete(incoming);
            throw;
        }
    }

    public async Task<ObjectRead> OpenReadAsync(ObjectKey key, ByteRange? range, CancellationToken token)
    {
        var (offset, wanted) = range is { } part ? (part.Offset, part.Length ?? long.MaxValue) : (0, long.MaxValue);
        ArgumentOutOfRangeException.ThrowIfNegative(offset, nameof(range));
        ArgumentOutOfRangeException.ThrowIfNegative(wanted, nameof(range));

        var (file, stored) = await OpenAsync(key, token) ?? throw new ObjectStoreException(ObjectStoreFault.NotFound, $"There is no object {key}.");
        if (offset > stored.Length || (range is not null && offset == stored.Length))
        {
            file.Dispose();
            throw new ObjectStoreException(ObjectStoreFault.RangeNotSatisfiable, $"Object {key} has {stored.Length} bytes.");
        }

        var length = Math.Min(wanted, stored.Length - offset);
        return new ObjectRead(stored, offset, length, new RangeStream(file, offset, length));
    }

    public async Task<StoredObject?> StatAsync(ObjectKey key, CancellationToken token)
    {
        if (await OpenAsync(key, token) is not var (file, stored)) return null;
        file.Dispose();
        return stored;
    }

    public Task<bool> DeleteAsync(ObjectKey key, CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        var file = _layout.FileOf(key);
        try
        {
            if (!File.Exists(file)) return Task.FromResult(false);
            File.Delete(file);
            RemoveEmptyFolders(Path.GetDirectoryName(file)!);
            return Task.FromResult(true);
        }
        catch (DirectoryNotFoundException)
        {
            return Task.FromResult(false);
        }
        catch (Exception failure) when (DiskFault.Is(failure))
        {
            throw DiskFault.Of(failure, $"Deleting object {key}");
        }
    }

    public async IAsyncEnumerable<StoredObject> ListAsync(
        ObjectPrefix prefix, DateTimeOffset? storedBefore, [EnumeratorCancellation] CancellationToken token)
    {
        foreach (var key in KeysUnder(prefix))
        {
            token.ThrowIfCancellationRequested();
            var stored = await StatAsync(key, token);
            if (stored is not null && !(stored.StoredAt >= storedBefore)) yield return stored;
        }
    }

    public Task<int> PurgeIncompleteAsync(DateTimeOffset idleSince, CancellationToken token)
    {
        try
        {
            var count = 0;
            foreach (var file in new DirectoryInfo(_layout.Incoming).EnumerateFiles())
            {
                token.ThrowIfCancellationRequested();
                if (file.LastWriteTimeUtc >= idleSince.UtcDateTime) continue;
                file.Delete();
                count++;
            }

            return Task.FromResult(count);
        }
        catch (Exception failure) when (DiskFault.Is(failure))
        {
            throw DiskFault.Of(failure, "Purging incomplete objects");
        }
    }

    private async ValueTask<(SafeFileHandle File, StoredObject Stored)?> OpenAsync(ObjectKey key, CancellationToken token)
    {
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(_layout.FileOf(key), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.Asynchronous);
            return (file, await ObjectTrailer.ReadAsync(key, file, token));
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception failure)
        {
            file?.Dispose();
            if (DiskFault.Is(failure)) throw DiskFault.Of(failure, $"Opening object {key}");
            throw;
        }
    }

    private IEnumerable<ObjectKey> KeysUnder(ObjectPrefix prefix)
    {
        var folderLength = prefix.Value.LastIndexOf('/') + 1;
        var walk = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = false, AttributesToSkip = FileAttributes.ReparsePoint };
        foreach (var fan in _layout.FanFoldersOf(prefix))
        {
            var start = Path.Combine(fan, prefix.Value[..folderLength].TrimEnd('/'));
            if (!Directory.Exists(start)) continue;
            using var files = Directory.EnumerateFiles(start, "*", walk).GetEnumerator();
            while (TryMoveNext(files))
            {
                if (DiskLayout.TryKeyOf(fan, files.Current, out var key) && key.Value.StartsWith(prefix.Value, StringComparison.Ordinal)) yield return key;
            }
        }
    }

    /// <summary>A folder that vanishes under the walk was emptied by a delete; the rest of that fan is left to the next sweep.</summary>
    private static bool TryMoveNext(IEnumerator<string> files)
    {
        try
        {
            return files.MoveNext();
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }
        catch (Exception failure) when (DiskFault.Is(failure))
        {
            throw DiskFault.Of(failure, "Listing objects");
        }
    }

    /// <summary>Renames into place. The folder may be removed by a delete between our making it and the rename, hence the loop.</summary>
    private void Publish(string incoming, ObjectKey key)
    {
        var target = _layout.FileOf(key);
        var folder = Path.GetDirectoryName(target)!;
        for (var attempt = 1; ; attempt++)
        {
            var isNew = !Directory.Exists(folder);
            Directory.CreateDirectory(folder);
            try
            {
                File.Move(incoming, target, overwrite: true);
            }
            catch (IOException) when (attempt < PublishTriesMax && !Directory.Exists(folder))
            {
                continue;
            }

            DiskSync.Folder(folder);
            for (var parent = folder; isNew && parent != _layout.Objects;) DiskSync.Folder(parent = Path.GetDirectoryName(parent)!);
            return;
        }
    }

    private void RemoveEmptyFolders(string folder)
    {
        try
        {
            for (; Path.GetDirectoryName(folder) != _layout.Objects && !Directory.EnumerateFileSystemEntries(folder).Any(); folder = Path.GetDirectoryName(folder)!)
                Directory.Delete(folder);
        }
        catch (IOException)
        {
            // Somebody put something in it, or removed it first; both are fine.
        }
    }

    private void RefuseWhenShort()
    {
        if (_freeBytesMin > 0 && DiskWrite.Guarded(() => new DriveInfo(_layout.Incoming).AvailableFreeSpace) < _freeBytesMin)
            throw new ObjectStoreException(ObjectStoreFault.NoSpace, "The disk is at its reserve.");
    }

    private StoredObject Describe(ObjectKey key, long length, string sha256, PutOptions options) =>
        new(key, length, sha256, options.ContentType, _time.GetUtcNow(), new Dictionary<string, string>(options.Metadata));

    private string NewIncomingFile() => Path.Combine(_layout.Incoming, _entropy.NextSecret(18));

    private static void SyncFile(string path)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(file);
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception failure) when (DiskFault.Is(failure))
        {
            // PurgeIncompleteAsync finds it later.
        }
    }
}
