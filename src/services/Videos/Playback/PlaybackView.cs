namespace SkyRiff.Videos.Playback;

/// <summary>Where players find a clip. Everything behind these addresses is immutable.</summary>
/// <param name="Preview">A strip of <paramref name="PreviewFrames"/> small pictures side by side.</param>
internal sealed record PlaybackView(string Hls, string Mp4, string Poster, string Preview, int PreviewFrames, double DurationSeconds, int Width, int Height);
