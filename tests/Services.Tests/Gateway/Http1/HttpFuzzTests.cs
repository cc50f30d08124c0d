using System.Text;
using Shouldly;
using SkyRiff.Bench;
using SkyRiff.Gateway.Http1;
using SkyRiff.Services.Tests.Gateway.Holding;
using SkyRiff.Services.Tests.Gateway.Hostile;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Http1;

/// <summary>
/// Both parsers on mutated messages: 20,000 inputs normally, 10 million with SKYRIFF_LONG=1. Each input lies between other bytes that would change the verdict if
/// they were read, and is read whole and cut. A failure shows the input.
/// </summary>
public sealed class HttpFuzzTests
{
    private const int Workers = 2;
    private const int MarginBytes = 64;
    private static readonly int Inputs = Campaign.Length(20_000, 10_000_000);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public Task A_mutated_request_is_read_within_its_bytes_the_same_however_it_is_cut_and_the_same_after_it_was_rebuilt()
    {
        return FuzzAsync("gateway-fuzz-requests", Seeds(HostileCases.Requests()), worker =>
        {
            var (head, again, rebuilt) = (new RequestHead(), new RequestHead(), new byte[64 * 1024]);
            return (input, random, seen) =>
            {
                var status = RequestParser.Parse(input.Buffer, input.Start, input.End, HeadLimits.Default, head);
                seen[(int)status]++;
                if (status == ParseStatus.Refused && head.Refusal == Refusal.None) input.Fail("refused without a reason");
                var (length, path) = (head.Length, status == ParseStatus.Complete ? Encoding.Latin1.GetString(head.Path) : "");
                if (status == ParseStatus.Complete && (length < 1 || length > input.Length)) input.Fail($"{length} of {input.Length} bytes");

                var cut = random.Next(input.Length + 1);
                var early = RequestParser.Parse(input.Buffer, input.Start, input.Start + cut, HeadLimits.Default, again);
                CheckCut(input, cut, status, length, early, again.Length);
                if (early == ParseStatus.Complete && Encoding.Latin1.GetString(again.Path) != path) input.Fail($"another path when cut at {cut}");

                var copy = input.Copy();
                var whole = MessageStream.ReadRequests(copy);
                if (MessageStream.ReadRequests(copy, 1 + random.Next(9)) != whole) input.Fail("another verdict when its bodies are cut");
                if (status == ParseStatus.Complete) CheckRebuilt(input, head, again, rebuilt);
            };
        });
    }

    [Fact]
    public Task A_mutated_response_is_read_within_its_bytes_and_the_same_however_it_is_cut()
    {
        return FuzzAsync("gateway-fuzz-responses", Seeds(HostileCases.Responses()), worker =>
        {
            var (head, again) = (new ResponseHead(), new ResponseHead());
            return (input, random, seen) =>
            {
                var (toHead, upgrade) = (random.Next(4) == 0, random.Next(4) == 0);
                var status = ResponseParser.Parse(input.Buffer, input.Start, input.End, HeadLimits.Default, head, toHead, upgrade);
                seen[(int)status]++;
                if (status == ParseStatus.Refused && head.Refusal == Refusal.None) input.Fail("refused without a reason");
                if (status == ParseStatus.Complete && (head.Length < 1 || head.Length > input.Length)) input.Fail($"{head.Length} of {input.Length} bytes");
                var (length, body, code) = (head.Length, head.Body, head.Status);

                var cut = random.Next(input.Length + 1);
                var early = ResponseParser.Parse(input.Buffer, input.Start, input.Start + cut, HeadLimits.Default, again, toHead, upgrade);
                CheckCut(input, cut, status, length, early, again.Length);
                if (early == ParseStatus.Complete && (again.Body != body || again.Status != code)) input.Fail($"another meaning when cut at {cut}");

                var copy = input.Copy();
                if (MessageStream.ReadResponse(copy, 1 + random.Next(9)) != MessageStream.ReadResponse(copy)) input.Fail("another verdict when its body is cut");
            };
        });
    }

    [Fact]
    public Task Mutated_chunks_end_refuse_or_wait_and_read_the_same_however_they_are_cut()
    {
        var chunked = HostileCases.Requests().Where(c => c.Name.StartsWith("chunk", StringComparison.Ordinal) || c.Name.Contains("trailer", StringComparison.Ordinal));
        return FuzzAsync("gateway-fuzz-chunks", Seeds(chunked.Select(c => c with { Bytes = c.Bytes[(c.Bytes.AsSpan().IndexOf("\r\n\r\n"u8) + 4)..] })), worker => (input, random, seen) =>
        {
            var bytes = input.Copy();
            var whole = Decode(bytes, int.MaxValue);
            seen[whole[0] switch { 'c' => (int)ParseStatus.Complete, 'r' => (int)ParseStatus.Refused, _ => (int)ParseStatus.Incomplete }]++;
            if (Decode(bytes, 1 + random.Next(7)) != whole) input.Fail("another verdict when it is cut");
        });
    }

    /// <summary>What was refused stays refused, what was whole stays whole with the same end, and nothing is whole before its end is there.</summary>
    private static void CheckCut(Mutated input, int cut, ParseStatus whole, int wholeLength, ParseStatus early, int earlyLength)
    {
        var agrees = early switch
        {
            ParseStatus.Complete => whole == ParseStatus.Complete && earlyLength == wholeLength,
            ParseStatus.Refused => whole == ParseStatus.Refused,
            _ => whole != ParseStatus.Complete || cut < wholeLength,
        };
        if (!agrees) input.Fail($"{whole} {wholeLength}, but {early} {earlyLength} when cut at {cut}");
    }

    private static void CheckRebuilt(Mutated input, RequestHead head, RequestHead again, byte[] rebuilt)
    {
        var length = Rebuild(head, rebuilt);
        var status = RequestParser.Parse(rebuilt, 0, length, HeadLimits.Default with { HeadBytesMax = 65535 }, again);
        if (status != ParseStatus.Complete || again.Length != length) input.Fail($"{status} {again.Refusal} after it was rebuilt");
        var same = again.Path.SequenceEqual(head.Path) && again.Query.SequenceEqual(head.Query) && again.Authority.SequenceEqual(head.Authority)
            && again.MethodName.SequenceEqual(head.MethodName) && again.Body == head.Body && again.ContentLength == head.ContentLength && !again.Has(KnownField.Connection);
        if (!same) input.Fail("another request after it was rebuilt");
    }

    /// <summary>Every second input begins as an honest message, since most of the list is refused as it is.</summary>
    private static (byte[][] All, byte[][] Honest) Seeds(IEnumerable<HostileCase> cases)
    {
        var kept = cases.Where(c => c.Bytes.Length is > 0 and < 2000).ToArray();
        return ([.. kept.Select(c => c.Bytes)], [.. kept.Where(c => !c.Verdict.StartsWith("refuse", StringComparison.Ordinal)).Select(c => c.Bytes)]);
    }

    private static async Task FuzzAsync(string report, (byte[][] All, byte[][] Honest) seeds, Func<int, Action<Mutated, Random, long[]>> examine)
    {
        var totals = new long[3];
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(
            () =>
            {
                var (random, input, seen, one) = (new Random(worker), new Mutated(seeds, worker), new long[3], examine(worker));
                for (var i = 0; i < Inputs / Workers; i++)
                {
                    input.Next(random, i);
                    try
                    {
                        one(input, random, seen);
                    }
                    catch (Exception bug) when (bug is not ShouldAssertException)
                    {
                        input.Fail(bug.ToString());
                    }
                    if ((i & 0xffff) == 0) Token.ThrowIfCancellationRequested();
                }
                lock (totals)
                {
                    for (var i = 0; i < totals.Length; i++) totals[i] += seen[i];
                }
            },
            Token)));
        var results = new Results(report);
        results.Add("inputs", "", totals.Sum());
        results.Add("whole", "", totals[(int)ParseStatus.Complete]);
        results.Add("refused", "", totals[(int)ParseStatus.Refused]);
        results.Add("incomplete", "", totals[(int)ParseStatus.Incomplete]);
        results.Add("failures", "", 0);
        await Campaign.ReportAsync(results, Token);
        totals.ShouldAllBe(count => count > Inputs / 200, "the inputs are of all three kinds");
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

    /// <summary>A message of the list, changed in up to five places, between bytes that are not its.</summary>
    private sealed class Mutated((byte[][] All, byte[][] Honest) seeds, int worker)
    {
        private const int MutatedBytesMax = 8 * 1024;
        private readonly List<byte> _bytes = new(MutatedBytesMax);
        private int _number;

        public byte[] Buffer { get; } = new byte[MutatedBytesMax + (2 * MarginBytes)];

        public int Start { get; private set; }

        public int End => Start + Length;

        public int Length => _bytes.Count;

        public void Next(Random random, int number)
        {
            _number = number;
            _bytes.Clear();
            var from = random.Next(2) == 0 ? seeds.Honest : seeds.All;
            _bytes.AddRange(from[random.Next(from.Length)]);
            for (var edits = random.Next(6); edits > 0 && _bytes.Count > 0; edits--) Edit(random, random.Next(_bytes.Count));
            Start = random.Next(MarginBytes);
            var around = random.Next(4) switch { 0 => (byte)'\n', 1 => (byte)'a', 2 => (byte)'\r', _ => (byte)random.Next(256) };
            Buffer.AsSpan(0, Start).Fill(around);
            System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes).CopyTo(Buffer.AsSpan(Start));
            Buffer.AsSpan(End, MarginBytes).Fill(around);
            // A reader that goes over the end finds what would complete the head.
            "\r\n\r\n"u8.CopyTo(Buffer.AsSpan(End));
        }

        public byte[] Copy() => [.. _bytes];

        public void Fail(string why) => throw new ShouldAssertException($"Worker {worker}, input {_number}: {why}\n{Convert.ToHexString(Copy())}\n{Encoding.Latin1.GetString(Copy())}");

        private void Edit(Random random, int at)
        {
            switch (random.Next(6))
            {
                case 0: _bytes[at] = (byte)random.Next(256); break;
                case 1: _bytes.Insert(at, (byte)random.Next(256)); break;
                case 2: _bytes.RemoveAt(at); break;
                case 3: _bytes.Insert(at, "\r\n\t :;,=%/0\0"u8[random.Next(12)]); break;
                case 4: _bytes.RemoveRange(at, random.Next(_bytes.Count - at)); break;
                default:
                    var other = seeds.All[random.Next(seeds.All.Length)];
                    var from = random.Next(other.Length);
                    var length = Math.Min(random.Next(other.Length - from), MutatedBytesMax - _bytes.Count);
                    _bytes.InsertRange(at, other.AsSpan(from, length).ToArray());
                    break;
            }
        }
    }
}
