using System.Text;
using Shouldly;
using SkyRiff.Gateway.Http1;
using SkyRiff.Services.Tests.Gateway.Hostile;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Http1;

/// <summary>Both parsers on mutated messages: 20,000 inputs normally, 10 million with SKYRIFF_LONG=1. A failure prints its seed.</summary>
public sealed class HttpFuzzTests
{
    private static readonly int Inputs = Environment.GetEnvironmentVariable("SKYRIFF_LONG") == "1" ? 10_000_000 : 20_000;

    [Fact]
    public void A_mutated_request_never_throws_and_what_is_accepted_reads_the_same_after_it_was_rebuilt()
    {
        var seeds = HostileCases.Requests().Select(c => c.Bytes).Where(b => b.Length is > 0 and < 2000).ToArray();
        Parallel.For(0, 4, worker =>
        {
            var random = new Random(worker);
            var head = new RequestHead();
            var again = new RequestHead();
            var rebuilt = new byte[64 * 1024];
            for (var i = 0; i < Inputs / 4; i++)
            {
                var bytes = Mutate(seeds, random);
                if (RequestParser.Parse(bytes, 0, bytes.Length, HeadLimits.Default, head) != ParseStatus.Complete) continue;
                head.Length.ShouldBeInRange(1, bytes.Length);
                var length = Rebuild(head, rebuilt);
                var status = RequestParser.Parse(rebuilt, 0, length, HeadLimits.Default with { HeadBytesMax = 65535 }, again);
                var shown = $"worker {worker}, input {i}: {Encoding.Latin1.GetString(bytes)}";
                status.ShouldBe(ParseStatus.Complete, $"{again.Refusal} {shown}");
                again.Length.ShouldBe(length, shown);
                again.Path.SequenceEqual(head.Path).ShouldBeTrue(shown);
                again.Query.SequenceEqual(head.Query).ShouldBeTrue(shown);
                again.Authority.SequenceEqual(head.Authority).ShouldBeTrue(shown);
                again.MethodName.SequenceEqual(head.MethodName).ShouldBeTrue(shown);
                again.Has(KnownField.Connection).ShouldBeFalse(shown);
                again.Body.ShouldBe(head.Body, shown);
                again.ContentLength.ShouldBe(head.ContentLength, shown);
            }
        });
    }

    [Fact]
    public void A_mutated_response_never_throws()
    {
        var seeds = HostileCases.Responses().Select(c => c.Bytes).Where(b => b.Length is > 0 and < 2000).ToArray();
        Parallel.For(0, 4, worker =>
        {
            var random = new Random(worker);
            var head = new ResponseHead();
            for (var i = 0; i < Inputs / 4; i++)
            {
                var bytes = Mutate(seeds, random);
                var status = ResponseParser.Parse(bytes, 0, bytes.Length, HeadLimits.Default, head, (i & 1) == 0, (i & 2) == 0);
                if (status == ParseStatus.Complete) head.Length.ShouldBeInRange(1, bytes.Length);
                if (status == ParseStatus.Refused) head.Refusal.ShouldNotBe(Refusal.None);
            }
        });
    }

    [Fact]
    public void Mutated_chunks_end_refuse_or_wait_and_read_the_same_however_they_are_cut()
    {
        var seeds = HostileCases.Requests().Where(c => c.Name.StartsWith("chunk", StringComparison.Ordinal) || c.Name.Contains("trailer", StringComparison.Ordinal))
            .Select(c => c.Bytes.AsSpan(c.Bytes.AsSpan().IndexOf("\r\n\r\n"u8) + 4).ToArray()).Where(b => b.Length is > 0 and < 2000).ToArray();
        Parallel.For(0, 4, worker =>
        {
            var random = new Random(worker);
            for (var i = 0; i < Inputs / 4; i++)
            {
                var bytes = Mutate(seeds, random);
                var whole = Decode(bytes, int.MaxValue);
                Decode(bytes, 1 + random.Next(7)).ShouldBe(whole, $"worker {worker}, input {i}: {Encoding.Latin1.GetString(bytes)}");
            }
        });
    }

    private static string Decode(byte[] bytes, int piece)
    {
        var decoder = new ChunkedDecoder(HeadLimits.Default);
        var data = new StringBuilder();
        var at = 0;
        while (true)
        {
            var input = bytes.AsSpan(at, Math.Min(piece, bytes.Length - at));
            var step = decoder.Next(input, out var consumed, out var start, out var length);
            if (step == ChunkStep.Data) data.Append(Encoding.Latin1.GetString(input.Slice(start, length)));
            at += consumed;
            if (step == ChunkStep.Complete) return $"complete {at} {data}";
            if (step == ChunkStep.Refused) return $"refused {decoder.Refusal} {data}";
            if (step == ChunkStep.NeedMore && at >= bytes.Length) return $"wait {data}";
        }
    }

    private static int Rebuild(RequestHead head, byte[] destination)
    {
        var writer = new HeadWriter(destination);
        writer.Write(head.MethodName);
        writer.Write(" "u8);
        writer.Write(head.Path);
        if (head.HasQuery) writer.Write("?"u8);
        writer.Write(head.Query);
        writer.Write(head.VersionMinor == 0 ? " HTTP/1.0\r\n"u8 : " HTTP/1.1\r\n"u8);
        if (head.Authority.Length > 0) writer.Field("Host"u8, head.Authority);
        if (head.Body == BodyKind.Length) writer.Field("Content-Length"u8, head.ContentLength);
        if (head.Body == BodyKind.Chunked) writer.Field("Transfer-Encoding"u8, "chunked"u8);
        writer.ForwardedFields(head, KnownFieldSet.Of(KnownField.Host, KnownField.ContentLength));
        writer.Write("\r\n"u8);
        writer.Overflowed.ShouldBeFalse();
        return writer.Length;
    }

    private static byte[] Mutate(byte[][] seeds, Random random)
    {
        var bytes = new List<byte>(seeds[random.Next(seeds.Length)]);
        for (var edits = random.Next(6); edits > 0 && bytes.Count > 0; edits--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes.Insert(at, (byte)random.Next(256)); break;
                case 2: bytes.RemoveAt(at); break;
                case 3: bytes.Insert(at, "\r\n\t :;,=%/0\0"u8[random.Next(12)]); break;
                case 4: bytes.RemoveRange(at, random.Next(bytes.Count - at)); break;
                default:
                    var other = seeds[random.Next(seeds.Length)];
                    var from = random.Next(other.Length);
                    bytes.InsertRange(at, other.AsSpan(from, random.Next(other.Length - from)).ToArray());
                    break;
            }
        }
        return [.. bytes];
    }
}
