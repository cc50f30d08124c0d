using SkyRiff.SystemTests.Engines;

namespace SkyRiff.SystemTests.Kit;

/// <summary>A small real clip, made once per run: 4 s with picture and sound.</summary>
internal static class StubClip
{
    public const int Seconds = 4;
    public const string Size = "320x180";

    private static readonly Lazy<Task<byte[]>> Made = new(MakeAsync);

    public static Task<byte[]> BytesAsync() => Made.Value;

    private static async Task<byte[]> MakeAsync()
    {
        var folder = Directory.CreateTempSubdirectory("skyriff-clip-");
        try
        {
            var path = Path.Combine(folder.FullName, "clip.mp4");
            await EngineSite.OutputOfAsync(
                "ffmpeg", "-v", "error", "-f", "lavfi", "-i", $"testsrc=size={Size}:rate=12:duration=4", "-f", "lavfi", "-i", "sine=frequency=330:duration=4",
                "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest", "-movflags", "+faststart", "-y", path);
            return await File.ReadAllBytesAsync(path, CancellationToken.None);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
