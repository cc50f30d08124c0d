using System.Buffers.Binary;
using System.Text;
using Shouldly;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Videos.Media;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Media;

public sealed class ReferenceImageTests : IDisposable
{
    private readonly MediaKit _kit = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _kit.Dispose();

    [Theory]
    [InlineData("in.png", "image/png")]
    [InlineData("in.jpg", "image/jpeg")]
    [InlineData("in.webp", "image/webp")]
    [InlineData("in.png", "IMAGE/PNG; charset=binary")]
    public async Task A_picture_of_each_kind_becomes_a_png_of_ours(string name, string contentType)
    {
        var bytes = Picture(name, 320, 240);

        var image = (await CheckAsync(bytes, contentType)).Value;

        (image.Width, image.Height).ShouldBe((320, 240));
        var written = await File.ReadAllBytesAsync(image.Path, Token);
        ReferenceImageChecker.ContentTypeOf(written).ShouldBe("image/png");
        Directory.EnumerateFiles(_kit.Folder, "reference-in*").ShouldBeEmpty();
    }

    [Fact]
    public async Task A_large_picture_is_kept_smaller()
    {
        var image = (await CheckAsync(Picture("large.jpg", 4000, 1000), "image/jpeg")).Value;

        (image.Width, image.Height).ShouldBe((1920, 480));
    }

    [Fact]
    public async Task What_a_sender_hid_in_the_file_goes_no_further()
    {
        var bytes = Picture("comment.png", 100, 100);
        byte[] polluted = [.. bytes, .. "<script>canary</script>"u8];

        var image = (await CheckAsync(polluted, "image/png")).Value;

        Encoding.Latin1.GetString(await File.ReadAllBytesAsync(image.Path, Token)).ShouldNotContain("canary");
    }

    [Fact]
    public async Task Everything_else_is_refused_with_its_reason()
    {
        var png = Picture("in.png", 200, 200);

        (await CodeAsync([], "image/png")).ShouldBe(MediaProblems.ImageEmpty);
        (await CodeAsync(new byte[ReferenceImageChecker.LengthMax + 1], "image/png")).ShouldBe(MediaProblems.ImageTooLarge);
        (await CodeAsync(png, "image/gif")).ShouldBe(MediaProblems.ImageType);
        (await CodeAsync(png, null)).ShouldBe(MediaProblems.ImageType);
        (await CodeAsync(png, "image/jpeg")).ShouldBe(MediaProblems.ImageType);
        (await CodeAsync("https://example.test/a.png"u8.ToArray(), "image/png")).ShouldBe(MediaProblems.ImageType);
        (await CodeAsync("<svg xmlns='http://www.w3.org/2000/svg'/>"u8.ToArray(), "image/png")).ShouldBe(MediaProblems.ImageType);
        (await CodeAsync(png[..60], "image/png")).ShouldBe(MediaProblems.ImageUnreadable);
        (await CodeAsync(png[..(png.Length / 2)], "image/png")).ShouldBe(MediaProblems.ImageUnreadable);
        (await CodeAsync([0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3, 4, 5, 6, 7, 8], "image/jpeg")).ShouldBe(MediaProblems.ImageUnreadable);
        (await CodeAsync(Picture("thin.png", 200, 63), "image/png")).ShouldBe(MediaProblems.ImageDimensions);
        (await CodeAsync(Picture("wide.png", 4098, 64), "image/png")).ShouldBe(MediaProblems.ImageDimensions);
        (await CodeAsync(Claiming(png, 12_000), "image/png")).ShouldBe(MediaProblems.ImageDimensions);
        (await CodeAsync(Claiming(png, 60_000), "image/png")).ShouldBe(MediaProblems.ImageUnreadable);
        Directory.EnumerateFiles(_kit.Folder, "reference*").ShouldBeEmpty();
    }

    /// <summary>A few bytes that promise many millions of pixels: must be judged before it is decoded.</summary>
    private static byte[] Claiming(byte[] png, int side)
    {
        var bomb = png.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(bomb.AsSpan(16), side);
        BinaryPrimitives.WriteInt32BigEndian(bomb.AsSpan(20), side);
        BinaryPrimitives.WriteUInt32BigEndian(bomb.AsSpan(29), Crc(bomb.AsSpan(12, 17)));
        return bomb;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++) crc = (crc & 1) == 1 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }

        return ~crc;
    }

    private byte[] Picture(string name, int width, int height)
    {
        MediaKit.Run("ffmpeg", "-f", "lavfi", "-i", $"testsrc2=s={width}x{height}", "-frames:v", "1", "-update", "1", _kit.File(name));
        return File.ReadAllBytes(_kit.File(name));
    }

    private Task<Outcome<ReferenceImage>> CheckAsync(byte[] bytes, string? contentType) =>
        new ReferenceImageChecker(_kit.Ffmpeg).CheckAsync(bytes, contentType, _kit.Folder, Token);

    private async Task<ProblemCode?> CodeAsync(byte[] bytes, string? contentType) => (await CheckAsync(bytes, contentType)).Problem?.Code;
}
