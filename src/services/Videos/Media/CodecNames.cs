namespace SkyRiff.Videos.Media;

/// <summary>Reads the exact H.264 profile and level out of an fMP4 head, for CODECS (RFC 6381): players refuse by it before they load anything.</summary>
internal static class CodecNames
{
    private const string AacLowComplexity = "mp4a.40.2";

    /// <summary>The avcC box's configurationVersion is 1; profile, compatibility and level follow (ISO/IEC 14496-15).</summary>
    public static string Of(ReadOnlySpan<byte> head, bool hasAudio)
    {
        var at = head.IndexOf("avcC"u8);
        if (at < 0 || at + 8 > head.Length || head[at + 4] != 1) throw new FormatException("The rendition's head has no H.264 configuration.");
        var video = $"avc1.{head[at + 5]:x2}{head[at + 6]:x2}{head[at + 7]:x2}";
        return hasAudio ? $"{video},{AacLowComplexity}" : video;
    }
}
