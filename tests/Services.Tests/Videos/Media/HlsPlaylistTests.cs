using Shouldly;
using SkyRiff.Videos.Media;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Media;

public sealed class HlsPlaylistTests
{
    private const string Written = """
        #EXTM3U
        #EXT-X-VERSION:7
        #EXT-X-TARGETDURATION:2
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:VOD
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MAP:URI="clip-0123.m4s",BYTERANGE="1353@0"
        #EXTINF:2.000000,
        #EXT-X-BYTERANGE:100000@1353
        clip-0123.m4s
        #EXTINF:1.500000,
        #EXT-X-BYTERANGE:90000@101353
        clip-0123.m4s
        #EXT-X-ENDLIST

        """;

    [Fact]
    public void A_playlist_is_read_and_written_with_its_files_new_name()
    {
        var playlist = HlsPlaylist.Parse(Written.Replace("clip-0123.m4s", "360p.m4s", StringComparison.Ordinal));

        (playlist.HeadLength, playlist.Seconds, playlist.PeakBitrate, playlist.AverageBitrate).ShouldBe((1353, 3.5, 480_000, 434_286));
        playlist.Write("clip-0123.m4s").ShouldBe(Written);
    }

    [Theory]
    [InlineData("")]
    [InlineData("#EXTM3U\n#EXT-X-ENDLIST\n")]
    [InlineData("#EXTM3U\n#EXTINF:2.0,\nhttp://somewhere/else.ts\n")]
    [InlineData("#EXTM3U\n#EXT-X-MAP:URI=\"http://x/y\",BYTERANGE=\"1@0\"\n#EXTINF:2.0,\n#EXT-X-BYTERANGE:1@1\nx\n")]
    public void What_our_ffmpeg_does_not_write_is_not_read(string text) => Should.Throw<FormatException>(() => HlsPlaylist.Parse(text));

    [Fact]
    public void The_master_lists_the_renditions_from_the_smallest()
    {
        static Rendition Of(string name, int width, int height, int rate) => new(
            name, width, height, 25, "avc1.64001f,mp4a.40.2", rate * 2, rate, new PackageObject($"clips/1/{name}-aa.m3u8", "t", 1, "aa"), new PackageObject("k", "t", 1, "bb"));

        HlsPlaylist.WriteMaster([Of("360p", 640, 360, 500_000), Of("720p", 1280, 720, 2_000_000)]).ShouldBe(
            """
            #EXTM3U
            #EXT-X-VERSION:7
            #EXT-X-INDEPENDENT-SEGMENTS
            #EXT-X-STREAM-INF:BANDWIDTH=1000000,AVERAGE-BANDWIDTH=500000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=25.000
            360p-aa.m3u8
            #EXT-X-STREAM-INF:BANDWIDTH=4000000,AVERAGE-BANDWIDTH=2000000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=25.000
            720p-aa.m3u8

            """);
    }
}
