using Shouldly;
using SkyRiff.Services.Tests.Gateway.Hostile;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Http1;

public sealed class HostileListTests
{
    [Fact]
    public void The_published_lists_are_as_long_as_promised()
    {
        HostileCases.Requests().Count(c => c.Verdict.StartsWith("refuse ", StringComparison.Ordinal)).ShouldBeGreaterThanOrEqualTo(300);
        HostileCases.Responses().Count(c => c.Verdict.StartsWith("refuse ", StringComparison.Ordinal)).ShouldBeGreaterThanOrEqualTo(100);
    }

    [Fact]
    public void Every_request_on_the_list_gets_its_verdict() =>
        Differences(HostileCases.Requests(), bytes => MessageStream.ReadRequests(bytes)).ShouldBeEmpty();

    [Fact]
    public void Every_response_on_the_list_gets_its_verdict() =>
        Differences(HostileCases.Responses(), bytes => MessageStream.ReadResponse(bytes)).ShouldBeEmpty();

    [Fact]
    public void How_the_body_is_cut_changes_no_verdict()
    {
        Differences(HostileCases.Requests(), bytes => MessageStream.ReadRequests(bytes, pieces: 1)).ShouldBeEmpty();
        Differences(HostileCases.Requests(), bytes => MessageStream.ReadRequests(bytes, pieces: 3)).ShouldBeEmpty();
        Differences(HostileCases.Responses(), bytes => MessageStream.ReadResponse(bytes, pieces: 1)).ShouldBeEmpty();
    }

    [Fact]
    public void A_request_cut_at_any_byte_waits_and_a_refusal_is_never_taken_back()
    {
        var wrong = new List<string>();
        foreach (var item in HostileCases.Requests())
        {
            var refused = false;
            var stride = item.Bytes.Length > 2000 ? 97 : 1;
            for (var length = 0; length < item.Bytes.Length; length += stride)
            {
                var verdict = MessageStream.ReadRequests(item.Bytes[..length]);
                if (refused && !verdict.StartsWith("refuse", StringComparison.Ordinal)) wrong.Add($"{item.Name} at {length}: refused, then {verdict}");
                refused |= verdict.StartsWith("refuse", StringComparison.Ordinal);
                if (refused && !item.Verdict.StartsWith("refuse", StringComparison.Ordinal)) wrong.Add($"{item.Name} at {length}: {verdict}");
                if (verdict == item.Verdict && item.Verdict == "accept 1" && length < item.Bytes.Length) wrong.Add($"{item.Name} at {length}: whole too early");
            }
        }
        wrong.ShouldBeEmpty();
    }

    [Fact]
    public void A_response_cut_at_any_byte_waits_and_a_refusal_is_never_taken_back()
    {
        var wrong = new List<string>();
        foreach (var item in HostileCases.Responses())
        {
            var refused = false;
            for (var length = 0; length < item.Bytes.Length; length += item.Bytes.Length > 2000 ? 97 : 1)
            {
                var verdict = MessageStream.ReadResponse(item.Bytes[..length]);
                if (refused && !verdict.StartsWith("refuse", StringComparison.Ordinal)) wrong.Add($"{item.Name} at {length}: refused, then {verdict}");
                refused |= verdict.StartsWith("refuse", StringComparison.Ordinal);
                if (refused && !item.Verdict.StartsWith("refuse", StringComparison.Ordinal)) wrong.Add($"{item.Name} at {length}: {verdict}");
            }
        }
        wrong.ShouldBeEmpty();
    }

    private static List<string> Differences(IEnumerable<HostileCase> cases, Func<byte[], string> read) =>
        [.. cases.Select(c => (c, found: read(c.Bytes))).Where(x => x.found != x.c.Verdict)
            .Select(x => $"{x.c.Name}: expected {x.c.Verdict}, found {x.found}")];
}
