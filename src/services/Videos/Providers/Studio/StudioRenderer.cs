using SkyRiff.Videos.Media;

namespace SkyRiff.Videos.Providers.Studio;

internal sealed record StudioOrder(string Prompt, long Seed, int Seconds, int Width, int Height, string? ReferencePath);

/// <summary>Temporary: replaced by the real renderer in the next merge.</summary>
internal sealed class StudioRenderer(Ffmpeg ffmpeg)
{
    public async Task RenderAsync(StudioOrder order, string path, Action<double> progress, CancellationToken token)
    {
        var folder = Path.GetDirectoryName(path)!;
        await ffmpeg.RunAsync(new FfmpegRun
        {
            Folder = folder,
            Arguments = ["-f", "lavfi", "-i", $"testsrc2=s={order.Width}x{order.Height}:r=24:d={order.Seconds}", "-f", "lavfi", "-i", $"sine=d={order.Seconds}", "-c:v", "libx264", "-preset", "veryfast", "-g", "48", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest", "-f", "mp4", path],
            Progress = at => progress(at.TotalSeconds / order.Seconds),
        }, token);
    }
}
