using System.Buffers.Binary;
using System.Diagnostics;
using SkyRiff.Kernel;
using SkyRiff.Objects;
using SkyRiff.Objects.Disk;
using SkyRiff.Videos.Media;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Media;

/// <summary>Real ffmpeg, a real store and a folder for one test; clips are made on the spot, so that no binary lies in the repository.</summary>
internal sealed class MediaKit : IDisposable
{
    public MediaKit(Func<MediaOptions, MediaOptions>? change = null, TimeProvider? time = null)
    {
        Folder = Directory.CreateTempSubdirectory("skyriff-media-").FullName;
        ScratchRoot = Directory.CreateDirectory(Path.Combine(Folder, "scratch")).FullName;
        var options = new MediaOptions { ScratchRoot = ScratchRoot, Threads = 2 };
        Ffmpeg = new Ffmpeg(change is null ? options : change(options), time ?? TimeProvider.System);
        Store = new DiskObjectStore(new DiskObjectStoreOptions { Root = Path.Combine(Folder, "store"), FreeBytesMin = 0 }, TimeProvider.System, Entropy.System);
        Probe = new MediaProbe(Ffmpeg);
        Packager = new Packager(Ffmpeg, Store, Entropy.System);
    }

    public string Folder { get; }

    public string ScratchRoot { get; }

    public Ffmpeg Ffmpeg { get; }

    public IObjectStore Store { get; }

    public MediaProbe Probe { get; }

    public Packager Packager { get; }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    public string File(string name) => Path.Combine(Folder, name);

    /// <summary>A clip with a moving pattern that begins black for half a second, and a tone.</summary>
    public string Clip(string name, int width, int height, double seconds = 2, bool sound = true, params string[] extra)
    {
        List<string> arguments = ["-f", "lavfi", "-i", $"testsrc2=s={width}x{height}:d={seconds}:r=25,fade=in:0:12"];
        if (sound) arguments.AddRange(["-f", "lavfi", "-i", $"sine=d={seconds}"]);
        arguments.AddRange(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", .. extra, File(name)]);
        Run("ffmpeg", [.. arguments]);
        return File(name);
    }

    /// <summary>Runs a tool plainly, outside of the code under test; answers its standard output.</summary>
    public static string Run(string program, params string[] arguments)
    {
        string[] quiet = program == "ffmpeg" ? ["-v", "error", "-nostdin", "-y"] : ["-v", "error"];
        var info = new ProcessStartInfo(program, [.. quiet, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        using var process = Process.Start(info)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} failed: {errors.Result}");
    }

    /// <summary>
    /// A clip's bytes with what its head says of the pictures taken from another clip: the sizes in tkhd and stsd, and the decoder's parameters. The other's must not be
    /// longer; the clip's own pictures stay where they are.
    /// </summary>
    public static byte[] WithDescriptionOf(byte[] clip, byte[] other)
    {
        var changed = clip.ToArray();
        var (to, from) = (Box(clip, "tkhd"), Box(other, "tkhd"));
        other.AsSpan(from.At + from.Length - 8, 8).CopyTo(changed.AsSpan(to.At + to.Length - 8));
        const int SizeInDescription = 16 + 32; // of the first entry
        (to, from) = (Box(clip, "stsd"), Box(other, "stsd"));
        other.AsSpan(from.At + SizeInDescription, 4).CopyTo(changed.AsSpan(to.At + SizeInDescription));
        (to, from) = (Box(clip, "avcC"), Box(other, "avcC"));
        if (from.Length > to.Length) throw new ArgumentException("The other clip's parameters are longer.", nameof(other));
        other.AsSpan(from.At + 8, from.Length - 8).CopyTo(changed.AsSpan(to.At + 8));
        return changed;
    }

    /// <summary>Where the first box of a type lies, its head included.</summary>
    public static (int At, int Length) Box(ReadOnlySpan<byte> file, string type)
    {
        var at = file.IndexOf(System.Text.Encoding.ASCII.GetBytes(type)) - 4;
        return at < 0 ? throw new ArgumentException($"There is no {type}.", nameof(type)) : (at, BinaryPrimitives.ReadInt32BigEndian(file[at..]));
    }

    /// <summary>Copies all stored objects to plain files under the returned folder, as a web server would show them.</summary>
    public async Task<string> ExportAsync(CancellationToken token)
    {
        var site = File("site");
        await foreach (var stored in Store.ListAsync(ObjectPrefix.All, null, token))
        {
            var path = Path.Combine(site, stored.Key.Value);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await using var read = await Store.OpenReadAsync(stored.Key, null, token);
            await using var file = System.IO.File.Create(path);
            await read.Content.CopyToAsync(file, token);
        }

        return site;
    }
}
