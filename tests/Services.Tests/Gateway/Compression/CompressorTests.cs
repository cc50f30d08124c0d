using System.IO.Compression;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Gateway.Compression;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Http1;
using SkyRiff.Services.Tests.Gateway.ResponseCache;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Compression;

public sealed class CompressorTests
{
    private readonly Compressor _compressor = new(new CompressConfig { BytesMin = 100 });

    [Theory]
    [InlineData("Accept-Encoding: br, gzip", "br")]
    [InlineData("Accept-Encoding: gzip, br", "br")]
    [InlineData("Accept-Encoding: gzip", "gzip")]
    [InlineData("Accept-Encoding: x-gzip", "gzip")]
    [InlineData("Accept-Encoding: GZIP;Q=0.5", "gzip")]
    [InlineData("Accept-Encoding: gzip;q=1.0, br;q=0.9", "gzip")]
    [InlineData("Accept-Encoding: br;q=0, gzip;q=0.001", "gzip")]
    [InlineData("Accept-Encoding: *", "br")]
    [InlineData("Accept-Encoding: *;q=0.5, br;q=0", "gzip")]
    [InlineData("Accept-Encoding: *;q=0", "")]
    [InlineData("Accept-Encoding: identity", "")]
    [InlineData("Accept-Encoding: identity;q=1, br;q=0.5", "")]
    [InlineData("Accept-Encoding: identity;q=0.1, br;q=0.5", "br")]
    [InlineData("Accept-Encoding: identity;q=0, gzip", "gzip")]
    [InlineData("Accept-Encoding:", "")]
    [InlineData("Accept-Encoding: gzip|Accept-Encoding: br", "br")]
    [InlineData("Accept-Encoding: br;q=2", "")]
    [InlineData("Accept-Encoding: br;q=abc", "")]
    [InlineData("Accept-Encoding: br;q=0.5555", "")]
    [InlineData("Accept-Encoding: deflate, zstd", "")]
    [InlineData("Accept: */*", "")]
    public void The_coding_is_what_the_client_prefers_of_what_it_takes(string fields, string expected) =>
        _compressor.Choose(PureCache.Request("GET /|" + fields), PureCache.Response("200|Content-Length: 1000|Content-Type: text/html")).ShouldBe(CodingOf(expected));

    [Theory]
    [InlineData("200|Content-Length: 100|Content-Type: text/html", true)]
    [InlineData("200|Content-Length: 100|Content-Type: Text/HTML; charset=utf-8", true)]
    [InlineData("404|Content-Length: 100|Content-Type: application/problem+json", true)]
    [InlineData("200|Transfer-Encoding: chunked|Content-Type: text/html", true)]
    [InlineData("200|Content-Length: 99|Content-Type: text/html", false)]
    [InlineData("200|Content-Length: 100|Content-Type: image/png", false)]
    [InlineData("200|Content-Length: 100", false)]
    [InlineData("200|Content-Length: 100|Content-Type: text/html|Content-Encoding: gzip", false)]
    [InlineData("200|Content-Length: 100|Content-Type: text/html|Cache-Control: max-age=1, no-transform", false)]
    [InlineData("206|Content-Length: 100|Content-Type: text/html|Content-Range: bytes 0-99/200", false)]
    [InlineData("204|Content-Type: text/html", false)]
    [InlineData("200|Transfer-Encoding: chunked|Content-Type: text/event-stream", false)]
    [InlineData("200|Content-Length: 100|Content-Type: text/html|Repr-Digest: sha-256=:x:", false)]
    public void Only_what_gains_and_may_be_changed_is_compressed(string response, bool expected)
    {
        var coding = _compressor.Choose(PureCache.Request("GET /|Accept-Encoding: gzip"), PureCache.Response(response));
        coding.ShouldBe(expected ? Coding.Gzip : Coding.Identity);
    }

    [Fact]
    public void A_small_body_is_compressed_for_whom_nothing_else_will_do() =>
        _compressor.Choose(PureCache.Request("GET /|Accept-Encoding: gzip, identity;q=0"), PureCache.Response("200|Content-Length: 5|Content-Type: text/html")).ShouldBe(Coding.Gzip);

    [Theory]
    [InlineData("ETag: \"a\"", "ETag: W/\"a\"\r\n")]
    [InlineData("ETag: W/\"a\"", "ETag: W/\"a\"\r\n")]
    [InlineData("Vary: Accept", "Vary: Accept-Encoding\r\n")]
    [InlineData("X-Kept: 1", "X-Kept: 1\r\n")]
    public void The_head_says_what_became_of_the_body(string field, string expected)
    {
        var head = Compressor.Rewrite(PureCache.Response($"200|Content-Length: 1000|Content-Type: text/html|Accept-Ranges: bytes|{field}"), Coding.Brotli, -1, BodyKind.Chunked);
        var text = Encoding.ASCII.GetString(head.Buffer);
        text.ShouldContain(expected);
        text.ShouldContain("Content-Encoding: br\r\n");
        text.ShouldNotContain("Content-Length");
        text.ShouldNotContain("Accept-Ranges");
        text.Split("Accept-Encoding").Length.ShouldBe(2);
    }

    [Theory]
    [InlineData("Vary: accept-encoding")]
    [InlineData("Vary: a, Accept-Encoding")]
    [InlineData("Vary: *")]
    public void What_varies_by_it_already_is_left(string vary) =>
        Encoding.ASCII.GetString(Compressor.Rewrite(PureCache.Response("200|" + vary), Coding.Identity, -1, BodyKind.Length).Buffer).Split("Vary").Length.ShouldBe(2);

    [Theory]
    [InlineData("br")]
    [InlineData("gzip")]
    public void Whatever_the_pieces_the_body_comes_back(string name)
    {
        Prop.ForAll(Gen.ArrayOf(Gen.Choose(0, 70_000)).Resize(12).ToArbitrary(), sizes =>
        {
            using var encoder = BodyEncoder.TryBegin(_compressor, CodingOf(name))!;
            var (sent, received) = (new MemoryStream(), new MemoryStream());
            for (var i = 0; i <= sizes.Length; i++)
            {
                var piece = Enumerable.Range(0, i < sizes.Length ? sizes[i] : 0).Select(n => (byte)(n * n % 251 * (sizes.Length % 2))).ToArray();
                sent.Write(piece);
                var leaving = encoder.Encode(piece, flush: i % 3 == 0, isLast: i == sizes.Length);
                leaving.Length.ShouldBeLessThan(piece.Length + BodyEncoder.HeldBytesMax + 4096, "what is held back is bounded");
                received.Write(leaving);
            }
            Decoded(received.ToArray(), name).AsSpan().SequenceEqual(sent.ToArray()).ShouldBeTrue();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(30));
        _compressor.InFlight.ShouldBe(0);
    }

    [Theory]
    [InlineData("br")]
    [InlineData("gzip")]
    public void What_is_flushed_can_be_read_at_once(string name)
    {
        using var encoder = BodyEncoder.TryBegin(_compressor, CodingOf(name))!;
        var received = new MemoryStream();
        received.Write(encoder.Encode("first "u8, flush: true, isLast: false));
        received.Write(encoder.Encode("second"u8, flush: true, isLast: false));
        received.Position = 0;
        using Stream decoder = name == "br" ? new BrotliStream(received, CompressionMode.Decompress) : new GZipStream(received, CompressionMode.Decompress);
        var text = new byte[12];
        decoder.ReadExactly(text);
        Encoding.ASCII.GetString(text).ShouldBe("first second");
    }

    [Fact]
    public void No_more_are_compressed_at_once_than_may()
    {
        var one = new Compressor(new CompressConfig { InFlightMax = 1 });
        var first = BodyEncoder.TryBegin(one, Coding.Gzip)!;
        BodyEncoder.TryBegin(one, Coding.Brotli).ShouldBeNull();
        first.Dispose();
        first.Dispose();
        using var second = BodyEncoder.TryBegin(one, Coding.Brotli);
        second.ShouldNotBeNull();
    }

    [Fact]
    public void Any_bytes_are_an_accept_encoding() => Prop.ForAll(Gen.ArrayOf(Gen.Elements("gzip", "br", ";", "q=", "0.5", "1", ",", "*", " ", "identity", "=")).ToArbitrary(), parts =>
    {
        var accepts = AcceptEncoding.Of(PureCache.Request("GET /|Accept-Encoding: " + string.Concat(parts)));
        accepts.Choose(brotli: true, gzip: true);
        accepts.TryFormat(new byte[100], out _).ShouldBeTrue();
    }).QuickCheckThrowOnFailure();

    public static byte[] Decoded(byte[] body, string name)
    {
        using var input = new MemoryStream(body);
        using Stream decoder = name == "br" ? new BrotliStream(input, CompressionMode.Decompress) : new GZipStream(input, CompressionMode.Decompress);
        using var output = new MemoryStream();
        decoder.CopyTo(output);
        return output.ToArray();
    }

    private static Coding CodingOf(string name) => name switch { "br" => Coding.Brotli, "gzip" => Coding.Gzip, _ => Coding.Identity };
}
