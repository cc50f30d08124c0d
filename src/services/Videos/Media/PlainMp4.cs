using System.Buffers.Binary;
using System.Globalization;

namespace SkyRiff.Videos.Media;

/// <summary>
/// What ffprobe would say of a plain MP4, read from its head: one H.264 track with an identity matrix and square pixels, at most one AAC track, no fragments, no
/// references to elsewhere. That is what providers send. Whatever is unusual, unknown, missing twice or inconsistent gives null, and then ffprobe is asked; only
/// what stands in both the boxes and the codec's own parameters is believed. The names of boxes and fields are those of ISO/IEC 14496-12.
/// </summary>
internal static class PlainMp4
{
    private const int HeadLengthMax = 8 << 20; // two minutes need about 100 KB
    private const int TopBoxesMax = 64;
    private const long LengthMax = 1L << 40; // of a box, so that sums of them are numbers

    /// <summary>Null when ffprobe has to be asked. Reads the heads of the boxes and <c>moov</c>, wherever in the file that is.</summary>
    public static async Task<ProbeReply?> ReadAsync(string path, CancellationToken token)
    {
        using var file = File.OpenHandle(path, options: FileOptions.Asynchronous);
        var fileLength = RandomAccess.GetLength(file);
        var head = new byte[16];
        byte[]? moov = null;
        Mp4MediaData? data = null;
        var at = 0L;
        for (var count = 0; at < fileLength; count++)
        {
            if (count >= TopBoxesMax || await RandomAccess.ReadAsync(file, head, at, token) < 8) return null;
            long length = BinaryPrimitives.ReadUInt32BigEndian(head);
            var headLength = 8;
            if (length == 1) (length, headLength) = (BinaryPrimitives.ReadInt64BigEndian(head.AsSpan(8)), 16);
            if (length == 0) length = fileLength - at;
            if (length < headLength || length > LengthMax) return null;
            switch (System.Text.Encoding.Latin1.GetString(head, 4, 4))
            {
                case "ftyp":
                    if (count > 0 || head.AsSpan(8, 4).SequenceEqual("qt  "u8)) return null;
                    break;
                case "moov":
                    if (moov is not null || headLength > 8 || length > HeadLengthMax || length > fileLength - at) return null;
                    moov = new byte[length - headLength];
                    if (await ReadAllAsync(file, moov, at + headLength, token) < moov.Length) return null;
                    break;
                case "mdat":
                    data = new Mp4MediaData(data?.From ?? at + headLength, at + length, (data?.Length ?? 0) + length - headLength);
                    break;
                case "free" or "skip" or "wide" or "uuid":
                    break;
                default:
                    return null;
            }

            if (length > fileLength - at) break; // cut off in the middle, which may leave enough to describe it
            at += length;
        }

        return moov is not null && data is { } lies ? Read(moov, lies) : null;
    }

    /// <summary>Pure: what the content of a <c>moov</c> box says of a file with such media data.</summary>
    internal static ProbeReply? Read(ReadOnlySpan<byte> moov, Mp4MediaData data)
    {
        uint timescale = 0;
        Mp4Track? video = null, audio = null;
        var boxes = new Mp4Boxes(moov);
        while (boxes.TryNext(out var box))
        {
            switch (box.Type)
            {
                case "mvhd":
                    if (timescale != 0) return null;
                    var fields = new Mp4Fields(box.Content);
                    fields.Take(fields.UInt32() >> 24 == 1 ? 16 : 8);
                    timescale = fields.UInt32();
                    break;
                case "trak":
                    if (Mp4Track.Read(box.Content, data) is not { } track) return null;
                    if (track.IsVideo && video is null) video = track;
                    else if (!track.IsVideo && audio is null) audio = track;
                    else return null;
                    break;
                case "udta":
                    if (box.Content.IndexOf("covr"u8) >= 0 || box.Content.IndexOf("chpl"u8) >= 0) return null; // a picture or chapters, which count as streams
                    break;
                case "iods" or "free":
                    break;
                default:
                    return null;
            }
        }

        if (boxes.Broken || timescale == 0 || video is null || video.Table.Bytes + (audio?.Table.Bytes ?? 0) > data.Length) return null;
        if (Seconds(video, timescale) is not { } seconds || (audio is null ? 0 : Seconds(audio, timescale)) is not { } audioSeconds) return null;
        List<ProbeStream> streams = [Picture(video, seconds)];
        if (audio is not null) streams.Add(new ProbeStream("audio", "aac", 0, 0, null, Text(audioSeconds), null, null, null, null));
        return new ProbeReply(streams, new ProbeFormat(Text(Math.Max(seconds, audioSeconds))));
    }

    private static ProbeStream Picture(Mp4Track video, double seconds) => new(
        "video", "h264", video.Width, video.Height, "yuv420p", Text(seconds),
        string.Create(CultureInfo.InvariantCulture, $"{video.Timescale * video.Table.Samples}/{video.Table.Duration}"), "1:1", null, null);

    /// <summary>The track's own length, its samples' and its edit's: the shortest counts.</summary>
    private static double? Seconds(Mp4Track track, uint movieTimescale)
    {
        var units = Math.Min(track.Duration, track.Table.Duration);
        if (track.EditDuration is { } edited)
        {
            // An edit is said in the movie's units; rounding is half away from zero.
            units = (long)Int128.Min(units, (((Int128)edited * track.Timescale) + (movieTimescale / 2)) / movieTimescale);
        }

        return units > 0 ? (double)units / track.Timescale : null;
    }

    private static string Text(double seconds) => seconds.ToString("0.000000", CultureInfo.InvariantCulture);

    private static async Task<int> ReadAllAsync(Microsoft.Win32.SafeHandles.SafeFileHandle file, Memory<byte> into, long at, CancellationToken token)
    {
        var length = 0;
        while (length < into.Length)
        {
            var count = await RandomAccess.ReadAsync(file, into[length..], at + length, token);
            if (count == 0) break;
            length += count;
        }

        return length;
    }
}
