using System.Globalization;

namespace SkyRiff.Videos.Media;

/// <summary>
/// Makes one rung of the ladder: coded once, in one run, and written both as an MP4 in the scratch folder and cut into HLS. Starting the program costs as much as
/// coding a second of a small clip, so a run is not spent on what another can do.
/// </summary>
internal sealed class Renditions(Ffmpeg ffmpeg, PackageRequest request, Scratch scratch)
{
    private const double FrameRateMax = 60;

    /// <summary>What the same input always gives the same bytes with; x264 keeps that promise for a fixed number of threads. The tee writes its heads itself.</summary>
    private static readonly string[] Reproducible = ["-map_metadata", "-1", "-map_chapters", "-1", "-flags:v", "+bitexact+global_header", "-flags:a", "+bitexact+global_header"];

    private double FrameRate => Math.Min(request.Facts.FrameRate, FrameRateMax);

    public string Mp4Of(Rung rung) => scratch.File($"{rung.Name}.mp4");

    /// <summary>
    /// The rung in both forms, the HLS one stored; and the seconds that it really plays. <paramref name="beside"/> are arguments of what else the same run writes.
    /// </summary>
    public async Task<(Rendition Rendition, double Seconds)> MakeAsync(Rung rung, IReadOnlyList<string> beside, PackageShelf shelf, Action<double> progress, CancellationToken token)
    {
        List<string> arguments = [.. request.Input(), "-map", "0:v:0", "-map", "0:a:0?", "-sn", "-dn", .. Reproducible];
        arguments.AddRange(CanPassOn(rung) ? ["-c", "copy"] : [.. Video(rung), .. Sound(rung)]);
        arguments.AddRange(["-f", "tee", Forms(rung), .. beside]);
        await ffmpeg.RunAsync(
            new FfmpegRun
            {
                Folder = scratch.Folder,
                Arguments = arguments,
                Progress = position => progress(Math.Clamp(position / request.Facts.Duration, 0, 1)),
            },
            token);

        // The program is content when not one picture could be decoded, and leaves a part of the files.
        if (!File.Exists(scratch.File($"{rung.Name}.m3u8")) || !File.Exists(Mp4Of(rung))) throw new FfmpegException(FfmpegFault.Failed, "ffmpeg found no pictures", "");
        var playlist = HlsPlaylist.Parse(await File.ReadAllTextAsync(scratch.File($"{rung.Name}.m3u8"), token));
        var codecs = CodecNames.Of(await HeadAsync(scratch.File($"{rung.Name}.m4s"), playlist.HeadLength, token), request.Facts.HasAudio);
        var media = await shelf.PutFileAsync(rung.Name, "m4s", MediaTypes.Video, scratch.File($"{rung.Name}.m4s"), token);
        var stored = await shelf.PutTextAsync(rung.Name, "m3u8", MediaTypes.Playlist, playlist.Write(media.FileName), token);
        var rendition = new Rendition(
            rung.Name, rung.Width, rung.Height, FrameRate, codecs, playlist.PeakBitrate, playlist.AverageBitrate, stored, media);
        return (rendition, playlist.Seconds);
    }

    private static string Forms(Rung rung) =>
        $"[f=mp4:movflags=+faststart:fflags=+bitexact]{rung.Name}.mp4|[f=hls:fflags=+bitexact:hls_segment_type=fmp4:hls_flags=single_file:hls_playlist_type=vod"
        + string.Create(CultureInfo.InvariantCulture, $":hls_time={Packager.SegmentSeconds}:hls_segment_filename={rung.Name}.m4s]{rung.Name}.m3u8");

    private bool CanPassOn(Rung rung) =>
        request.SourceIsOurs
        && (request.Facts.VideoCodec, request.Facts.PixelFormat, request.Facts.Width, request.Facts.Height) == ("h264", "yuv420p", rung.Width, rung.Height);

    private string[] Video(Rung rung)
    {
        var every = $"expr:gte(t,n_forced*{Packager.SegmentSeconds})";
        var rate = FrameRate < request.Facts.FrameRate ? $",fps={FrameRateMax}" : "";
        return
        [
            "-vf", $"scale={rung.Width}:{rung.Height}:flags=bicubic,setsar=1{rate},format=yuv420p",
            "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-crf", $"{rung.Quality}",
            "-maxrate", $"{rung.BitrateMax}", "-bufsize", $"{rung.BitrateMax * 2}",
            "-force_key_frames", every, "-sc_threshold", "0", "-threads", $"{ffmpeg.Options.Threads}",
        ];
    }

    private string[] Sound(Rung rung) => request.Facts.HasAudio ? ["-c:a", "aac", "-b:a", $"{rung.AudioBitrate}", "-ac", "2", "-ar", "48000"] : [];

    private static async Task<byte[]> HeadAsync(string path, long length, CancellationToken token)
    {
        const int HeadLengthMax = 64 << 10;
        var head = new byte[Math.Min(length, HeadLengthMax)];
        await using var file = File.OpenRead(path);
        await file.ReadExactlyAsync(head, token);
        return head;
    }
}
