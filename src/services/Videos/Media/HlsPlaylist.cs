using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace SkyRiff.Videos.Media;

/// <summary>One piece of a media playlist: a range of the rendition's single file.</summary>
internal readonly record struct HlsSegment(double Seconds, long Length, long Offset);

/// <summary>
/// A media playlist as our ffmpeg wrote it, read strictly (RFC 8216), so that it can be written again with the name the file gets once its
/// content is hashed. All segments are ranges of one fMP4 file: two objects per rendition instead of one per two seconds.
/// </summary>
internal sealed partial record HlsPlaylist(long HeadLength, IReadOnlyList<HlsSegment> Segments)
{
    public double Seconds => Segments.Sum(segment => segment.Seconds);

    /// <summary>Bits per second of the largest piece, as BANDWIDTH wants it.</summary>
    public int PeakBitrate => (int)Math.Ceiling(Segments.Max(segment => segment.Length * 8 / Math.Max(segment.Seconds, 0.1)));

    public int AverageBitrate => (int)Math.Ceiling(Segments.Sum(segment => segment.Length) * 8 / Math.Max(Seconds, 0.1));

    /// <exception cref="FormatException">It is not what our ffmpeg writes.</exception>
    public static HlsPlaylist Parse(string text)
    {
        var head = 0L;
        var seconds = 0.0;
        var segments = new List<HlsSegment>();
        foreach (var line in text.Split('\n'))
        {
            if (MapLine().Match(line) is { Success: true } map) head = long.Parse(map.Groups["length"].ValueSpan, CultureInfo.InvariantCulture);
            else if (DurationLine().Match(line) is { Success: true } duration) seconds = double.Parse(duration.Groups["seconds"].ValueSpan, CultureInfo.InvariantCulture);
            else if (RangeLine().Match(line) is { Success: true } range) segments.Add(SegmentOf(seconds, range));
        }

        return head > 0 && segments.Count > 0 ? new HlsPlaylist(head, segments) : throw new FormatException("The playlist names no segments.");
    }

    public string Write(string fileName)
    {
        var text = new StringBuilder()
            .Append("#EXTM3U\n#EXT-X-VERSION:7\n")
            .Append(CultureInfo.InvariantCulture, $"#EXT-X-TARGETDURATION:{(int)Math.Ceiling(Segments.Max(segment => segment.Seconds))}\n")
            .Append("#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n")
            .Append(CultureInfo.InvariantCulture, $"#EXT-X-MAP:URI=\"{fileName}\",BYTERANGE=\"{HeadLength}@0\"\n");
        foreach (var segment in Segments)
            text.Append(CultureInfo.InvariantCulture, $"#EXTINF:{segment.Seconds:0.000000},\n#EXT-X-BYTERANGE:{segment.Length}@{segment.Offset}\n{fileName}\n");
        return text.Append("#EXT-X-ENDLIST\n").ToString();
    }

    /// <summary>The playlist of playlists; the first is what a player starts with.</summary>
    public static string WriteMaster(IEnumerable<Rendition> renditions)
    {
        var text = new StringBuilder("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
        foreach (var rendition in renditions)
            text.Append("#EXT-X-STREAM-INF:")
                .Append(CultureInfo.InvariantCulture, $"BANDWIDTH={rendition.PeakBitrate},AVERAGE-BANDWIDTH={rendition.AverageBitrate},")
                .Append(CultureInfo.InvariantCulture, $"CODECS=\"{rendition.Codecs}\",RESOLUTION={rendition.Width}x{rendition.Height},")
                .Append(CultureInfo.InvariantCulture, $"FRAME-RATE={rendition.FrameRate:0.000}\n{rendition.Playlist.FileName}\n");
        return text.ToString();
    }

    private static HlsSegment SegmentOf(double seconds, Match range) => new(
        seconds,
        long.Parse(range.Groups["length"].ValueSpan, CultureInfo.InvariantCulture),
        long.Parse(range.Groups["offset"].ValueSpan, CultureInfo.InvariantCulture));

    [GeneratedRegex("""^#EXT-X-MAP:URI="[a-z0-9.]+",BYTERANGE="(?<length>\d{1,9})@0"$""", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex MapLine();

    [GeneratedRegex(@"^#EXTINF:(?<seconds>\d{1,6}\.\d{1,9}),$", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex DurationLine();

    [GeneratedRegex(@"^#EXT-X-BYTERANGE:(?<length>\d{1,12})@(?<offset>\d{1,12})$", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex RangeLine();
}
