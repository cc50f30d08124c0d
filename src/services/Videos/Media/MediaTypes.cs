namespace SkyRiff.Videos.Media;

/// <summary>The content types of what a package holds.</summary>
internal static class MediaTypes
{
    public const string Playlist = "application/vnd.apple.mpegurl";
    public const string Video = "video/mp4";
    public const string Picture = "image/webp";
}
