using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Redis;
using SkyRiff.Redis.Cluster;
using SkyRiff.Redis.Protocol;
using Xunit;

namespace SkyRiff.Foundation.Tests.Redis;

public sealed class RespTests
{
    /// <summary>One of every kind, nested, with nulls, attributes and empty aggregates.</summary>
    public static readonly string[] Frames =
    [
        "+OK\r\n", "+\r\n", "-ERR no\r\n", ":0\r\n", ":-9223372036854775808\r\n", "$0\r\n\r\n", "$-1\r\n", "$5\r\nhello\r\n", "$4\r\n\r\n\r\n\r\n", "*0\r\n", "*-1\r\n",
        "*3\r\n:1\r\n$1\r\na\r\n*2\r\n+x\r\n$-1\r\n", "_\r\n", "#t\r\n", "#f\r\n", ",3.25\r\n", ",inf\r\n", "(123456789012345678901234567890\r\n",
        "!9\r\nERR waves\r\n", "=8\r\ntxt:text\r\n", "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n", "~2\r\n:1\r\n:2\r\n", ">3\r\n+message\r\n+a\r\n$1\r\nb\r\n",
        "|1\r\n+ttl\r\n:9\r\n:5\r\n", "*2\r\n|1\r\n+k\r\n+v\r\n:1\r\n:2\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n$1\r\nz\r\n",
    ];

    public static TheoryData<string> FrameData => [.. Frames];

    [Theory]
    [MemberData(nameof(FrameData))]
    public void A_frame_cut_at_any_byte_needs_more_and_ends_exactly_at_its_last(string frame)
    {
        var bytes = Encoding.Latin1.GetBytes(frame + "+next\r\n");
        var length = Encoding.Latin1.GetByteCount(frame);
        for (var cut = 0; cut < length; cut++)
            new FrameScanner(1024).Scan(bytes.AsSpan(0, cut)).ShouldBe(RespProgress.NeedMore, $"cut at {cut}");

        var whole = new FrameScanner(1024);
        whole.Scan(bytes).ShouldBe(RespProgress.Complete);
        whole.Length.ShouldBe(length);
    }

    [Theory]
    [MemberData(nameof(FrameData))]
    public void Feeding_a_frame_in_pieces_finds_the_same_end(string frame)
    {
        var bytes = Encoding.Latin1.GetBytes(frame);
        for (var first = 0; first < bytes.Length; first++)
        {
            for (var second = first; second < bytes.Length; second++)
            {
                var scanner = new FrameScanner(1024);
                scanner.Scan(bytes.AsSpan(0, first)).ShouldBe(RespProgress.NeedMore);
                scanner.Scan(bytes.AsSpan(0, second)).ShouldBe(RespProgress.NeedMore);
                scanner.LengthAtLeast.ShouldBeLessThanOrEqualTo(bytes.Length);
                scanner.Scan(bytes).ShouldBe(RespProgress.Complete);
                scanner.Length.ShouldBe(bytes.Length);
            }
        }
    }

    [Theory]
    [InlineData("x1\r\n")]
    [InlineData("\r\n")]
    [InlineData("$+-1\r\n")]
    [InlineData("$1a\r\nx\r\n")]
    [InlineData("$-2\r\n")]
    [InlineData("$ 1\r\nx\r\n")]
    [InlineData("*2147483648\r\n")]
    [InlineData("%-1\r\n")]
    [InlineData("#x\r\n")]
    [InlineData("_0\r\n")]
    [InlineData(":\r\n")]
    [InlineData(":9223372036854775808\r\n")]
    [InlineData("+a\rb\r\n")]
    [InlineData("$1\r\nxyz\r\n")]
    [InlineData("$?\r\n")]
    [InlineData("*1000\r\n")]
    [InlineData("$1024\r\n")]
    public void What_no_server_may_send_is_malformed(string bytes) =>
        new FrameScanner(1024).Scan(Encoding.Latin1.GetBytes(bytes)).ShouldBe(RespProgress.Malformed);

    [Fact]
    public void A_line_without_an_end_is_given_up() =>
        new FrameScanner(long.MaxValue).Scan(Encoding.Latin1.GetBytes("+" + new string('a', RespHeader.LineBytesMax + 2))).ShouldBe(RespProgress.Malformed);

    [Fact]
    public void An_element_tells_its_values_and_children()
    {
        var frame = RespElement.Parse("*6\r\n:7\r\n$2\r\nab\r\n$-1\r\n,1.5\r\n=6\r\ntxt:hi\r\n|1\r\n+a\r\n:1\r\n%1\r\n+k\r\n#t\r\n"u8);
        frame.Count.ShouldBe(6);
        var children = frame.GetEnumerator();
        Next(ref children).Integer.ShouldBe(7);
        Next(ref children).GetString().ShouldBe("ab");
        Next(ref children).IsNull.ShouldBeTrue();
        Next(ref children).Double.ShouldBe(1.5);
        Next(ref children).GetString().ShouldBe("hi");
        var map = Next(ref children);
        map.Kind.ShouldBe(RespKind.Map);
        var pair = map.GetEnumerator();
        Next(ref pair).GetString().ShouldBe("k");
        Next(ref pair).Integer.ShouldBe(1);
        children.MoveNext().ShouldBeFalse();
    }

    [Fact]
    public void Asking_an_element_for_what_it_is_not_is_a_protocol_error() =>
        Should.Throw<RedisException>(() => RespElement.Parse("+OK\r\n"u8).Integer).Kind.ShouldBe(RedisErrorKind.Protocol);

    [Fact]
    public void Mutated_frames_never_hang_crash_or_read_past_their_end()
    {
        var rounds = Environment.GetEnvironmentVariable("SKYRIFF_LONG") == "1" ? 10_000_000 : 200_000;
        var random = new Random(20260101);
        var corpus = Frames.Select(Encoding.Latin1.GetBytes).ToArray();
        var buffer = new byte[4096];
        long complete = 0;
        for (var round = 0; round < rounds; round++)
        {
            var length = FrameMutation.Make(random, corpus, buffer);
            var scanner = new FrameScanner(buffer.Length);
            if (scanner.Scan(buffer.AsSpan(0, length)) != RespProgress.Complete)
                continue;
            complete++;
            ((int)scanner.Length).ShouldBeLessThanOrEqualTo(length);
            WalkAll(RespElement.Parse(buffer.AsSpan(0, (int)scanner.Length)), 0);
        }

        complete.ShouldBeGreaterThan(rounds / 20, "mutations that are never valid would test nothing");
    }

    [Fact]
    public void What_was_scanned_in_two_pieces_equals_what_was_scanned_whole_for_any_bytes()
    {
        var property = Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), ArbMap.Default.ArbFor<NonNegativeInt>(), (bytes, cut) =>
        {
            var stream = Frames.SelectMany(Encoding.Latin1.GetBytes).Concat(bytes).Skip(cut.Get % 40).ToArray();
            var whole = new FrameScanner(512);
            var expected = whole.Scan(stream);
            var pieces = new FrameScanner(512);
            var progress = RespProgress.NeedMore;
            for (var end = 0; end <= stream.Length && progress == RespProgress.NeedMore; end++)
                progress = pieces.Scan(stream.AsSpan(0, end));
            return progress == expected && (expected != RespProgress.Complete || pieces.Length == whole.Length);
        });
        property.QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("123456789", 12739)]
    [InlineData("foo", 12182)]
    [InlineData("{user1000}.following", 3443)]
    [InlineData("{user1000}.followers", 3443)]
    [InlineData("foo{}{bar}", 8363)]
    [InlineData("foo{{bar}}zap", 4015)]
    [InlineData("foo{bar}{zap}", 5061)]
    [InlineData("", 0)]
    public void A_key_lives_in_the_slot_that_the_specification_says(string key, int slot) => KeySlot.Of(Encoding.UTF8.GetBytes(key)).ShouldBe(slot);

    [Fact]
    public void A_command_is_encoded_as_an_array_of_bulk_strings()
    {
        var command = new CommandBuffer { HashesKeys = true };
        command.Head(7, "SET"u8);
        command.Key((RedisKey)"ключ");
        command.Bulk(-12L);
        command.Bulk(0.1);
        command.Bulk(double.NegativeInfinity);
        command.Bulk((RedisArg)"");
        command.Bulk((RedisArg)new byte[] { 13, 10 });
        command.Slot.ShouldBe(KeySlot.Of("ключ"u8));
        Encoding.UTF8.GetString(command.Bytes)
            .ShouldBe("*7\r\n$3\r\nSET\r\n$8\r\nключ\r\n$3\r\n-12\r\n$3\r\n0.1\r\n$4\r\n-inf\r\n$0\r\n\r\n$2\r\n\r\n\r\n");
    }

    [Fact]
    public void A_large_payload_is_not_copied_and_sits_between_the_two_parts()
    {
        var payload = new byte[CommandBuffer.PayloadBytesMin];
        var command = new CommandBuffer();
        command.Head(5, "SET"u8);
        command.Key((RedisKey)"k");
        command.Bulk((RedisArg)payload);
        command.Bulk("PX"u8);
        command.Bulk(5L);
        command.Payload.Equals(payload).ShouldBeTrue();
        Encoding.UTF8.GetString(command.BeforePayload.Span).ShouldBe("*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$262144\r\n");
        Encoding.UTF8.GetString(command.AfterPayload.Span).ShouldBe("\r\n$2\r\nPX\r\n$1\r\n5\r\n");
    }

    [Fact]
    public void Every_command_that_is_written_scans_as_one_frame()
    {
        Prop.ForAll(ArbMap.Default.ArbFor<NonEmptyArray<byte[]>>(), arguments =>
        {
            var command = new CommandBuffer();
            command.Head(arguments.Get.Length);
            foreach (var argument in arguments.Get)
                command.Bulk(argument.AsSpan());
            var scanner = new FrameScanner(1 << 20);
            if (scanner.Scan(command.Bytes) != RespProgress.Complete || scanner.Length != command.Length)
                return false;
            var index = 0;
            foreach (var element in RespElement.Parse(command.Bytes))
            {
                if (!element.Bytes.SequenceEqual(arguments.Get[index++]))
                    return false;
            }

            return index == arguments.Get.Length;
        }).QuickCheckThrowOnFailure();
    }

    private static RespElement Next(ref RespElement.Enumerator children)
    {
        children.MoveNext().ShouldBeTrue();
        return children.Current;
    }

    private static void WalkAll(RespElement element, int depth)
    {
        _ = element.Bytes.Length;
        if (depth > 8)
            return;
        foreach (var child in element)
            WalkAll(child, depth + 1);
    }
}
