using System.Diagnostics;

namespace SkyRiff.App.Engines;

/// <summary>
/// An engine's output: the last lines in memory for messages, all of it in a file of bounded size (one older file is kept). One thread per
/// engine reads, because a read from a pipe blocks whatever thread it is on.
/// </summary>
internal sealed class EngineLog(string path)
{
    private const long FileBytesMax = 4 << 20;
    private const int LinesKept = 20;

    private readonly Lock _lock = new();
    private readonly Queue<string> _last = new(LinesKept);

    /// <summary>The end of the output, for a message about a failure.</summary>
    public string Tail
    {
        get
        {
            lock (_lock) return string.Join('\n', _last);
        }
    }

    public string Path { get; } = path;

    /// <summary>Reads until the engine and all its children have closed their output. <paramref name="seen"/> gets every line.</summary>
    public Task FollowAsync(string name, Process process, Action<string> seen)
    {
        lock (_lock) _last.Clear();
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                Follow(process.StandardOutput, seen);
            }
            catch (Exception unreadable) when (unreadable is IOException or ObjectDisposedException or UnauthorizedAccessException)
            {
                // Only the file is lost (full disk, deleted folder): the engine must not block on a pipe that no one reads.
                Drain(process.StandardOutput, seen);
            }
            finally
            {
                ended.SetResult();
            }
        })
        {
            IsBackground = true,
            Name = name + " log",
        };
        thread.Start();
        return ended.Task;
    }

    private void Follow(StreamReader output, Action<string> seen)
    {
        StreamWriter? file = null;
        try
        {
            while (output.ReadLine() is { } line)
            {
                Keep(line, seen);
                file ??= Open();
                file.WriteLine(line);
                file.Flush();
                if (file.BaseStream.Length <= FileBytesMax) continue;
                file.Dispose();
                file = null;
                File.Move(Path, Path + ".1", overwrite: true);
            }
        }
        finally
        {
            file?.Dispose();
        }
    }

    private void Drain(StreamReader output, Action<string> seen)
    {
        try
        {
            while (output.ReadLine() is { } line) Keep(line, seen);
        }
        catch (Exception closed) when (closed is IOException or ObjectDisposedException)
        {
            // The pipe is gone with the engine.
        }
    }

    private void Keep(string line, Action<string> seen)
    {
        lock (_lock)
        {
            if (_last.Count == LinesKept) _last.Dequeue();
            _last.Enqueue(line);
        }

        seen(line);
    }

    private StreamWriter Open() => new(new FileStream(Path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete));
}
