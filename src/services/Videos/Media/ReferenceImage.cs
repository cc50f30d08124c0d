using System.Globalization;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Videos.Media;

/// <summary>A picture that a person sent, now a PNG of our own making at <paramref name="Path"/>.</summary>
internal sealed record ReferenceImage(string Path, int Width, int Height);

/// <summary>
/// Checks a picture that is to become a clip's first frame: declared type, first bytes and ffprobe with a forced demuxer must all say the same;
/// then it is decoded and written again, so that nothing of the sender's bytes goes further. Takes bytes only; no address is ever fetched.
/// </summary>
internal sealed class ReferenceImageChecker(Ffmpeg ffmpeg)
{
    public const int LengthMax = 10 << 20;
    public const int SideMax = 4096;
    public const int SideMin = 64;

    /// <summary>The longer side of the PNG we write; larger pictures are scaled down to it, for no clip shows more.</summary>
    private const int KeptSideMax = 1920;

    private static readonly ImageKind[] Kinds =
    [
        new("image/png", "reference-in.png", "png"),
        new("image/jpeg", "reference-in.jpg", "mjpeg"),
        new("image/webp", "reference-in.webp", "webp"),
    ];

    /// <summary>The checked picture as <c>reference.png</c> in <paramref name="folder"/>, which is the caller's scratch.</summary>
    public async Task<Outcome<ReferenceImage>> CheckAsync(ReadOnlyMemory<byte> bytes, string? contentType, string folder, CancellationToken token)
    {
        if (bytes.Length == 0) return MediaProblems.ImageEmpty.Because("The image has 0 bytes.");
        if (bytes.Length > LengthMax) return MediaProblems.ImageTooLarge.Because($"The image has {bytes.Length} bytes; at most {LengthMax} are taken.");
        var declared = contentType?.Split(';')[0].Trim();
        if (Array.Find(Kinds, kind => string.Equals(kind.ContentType, declared, StringComparison.OrdinalIgnoreCase)) is not { } kind)
            return MediaProblems.ImageType.Because("Images are taken as image/png, image/jpeg or image/webp.");
        if (ContentTypeOf(bytes.Span) != kind.ContentType) return MediaProblems.ImageType.Because($"The bytes are not {kind.ContentType}.");

        var input = Path.Combine(folder, kind.FileName);
        await File.WriteAllBytesAsync(input, bytes, token);
        try
        {
            return await DecodeAsync(kind, folder, token);
        }
        catch (FfmpegException failure) when (failure.Kind is FfmpegFault.Failed or FfmpegFault.TimedOut or FfmpegFault.OutputTooLarge)
        {
            return MediaProblems.ImageUnreadable.Because("The image cannot be decoded.");
        }
        finally
        {
            File.Delete(input);
        }
    }

    /// <summary>The content type that the first bytes say; null for anything we do not take.</summary>
    internal static string? ContentTypeOf(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, ..] => "image/png",
        [0xFF, 0xD8, 0xFF, ..] => "image/jpeg",
        _ when bytes.Length >= 12 && bytes[..4].SequenceEqual("RIFF"u8) && bytes[8..12].SequenceEqual("WEBP"u8) => "image/webp",
        _ => null,
    };

    private async Task<Outcome<ReferenceImage>> DecodeAsync(ImageKind kind, string folder, CancellationToken token)
    {
        // As one whole picture: cameras append to their files, and a demuxer for streams would see a second, broken one there.
        string[] input = ["-protocol_whitelist", "file", "-f", "image2", "-pattern_type", "none", "-i", kind.FileName];
        var reply = await ffmpeg.ProbeAsync(
            new FfmpegRun { Folder = folder, Arguments = ["-of", "json", "-show_entries", "stream=codec_type,codec_name,width,height", .. input] }, token);

        // The size is judged before a pixel is decoded: a small file can claim a huge picture.
        var picture = ProbeReply.Parse(reply)?.Streams is [{ } only] ? only : null;
        if (picture is not { Width: > 0, Height: > 0 } || picture.CodecName != kind.Codec) return MediaProblems.ImageUnreadable.Because($"The image is not a still {kind.ContentType}.");
        if (Math.Min(picture.Width, picture.Height) < SideMin || Math.Max(picture.Width, picture.Height) > SideMax)
            return MediaProblems.ImageDimensions.Because($"The image is {picture.Width}x{picture.Height}; sides of {SideMin} to {SideMax} pixels are taken.");

        var scale = Math.Min(1, (double)KeptSideMax / Math.Max(picture.Width, picture.Height));
        var (width, height) = ((int)Math.Round(picture.Width * scale), (int)Math.Round(picture.Height * scale));
        string[] output = ["-map", "0:v:0", "-frames:v", "1", "-map_metadata", "-1", "-pix_fmt", "rgb24", "-c:v", "png", "-f", "image2", "-update", "1", "file:reference.png"];
        var filter = $"scale={width.ToString(CultureInfo.InvariantCulture)}:{height.ToString(CultureInfo.InvariantCulture)}:flags=bicubic";
        await ffmpeg.RunAsync(new FfmpegRun { Folder = folder, Arguments = ["-xerror", "-max_pixels", $"{SideMax * SideMax}", .. input, "-vf", filter, .. output] }, token);
        return new ReferenceImage(Path.Combine(folder, "reference.png"), width, height);
    }

    private sealed record ImageKind(string ContentType, string FileName, string Codec);
}
