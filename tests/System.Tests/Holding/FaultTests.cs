using Shouldly;
using Xunit;

namespace SkyRiff.SystemTests.Holding;

/// <summary>Whatever a provider does, a generation ends, is captured or released once, and no clip is bought that nobody asked for.</summary>
public sealed class FaultTests(FaultSite site) : IClassFixture<FaultSite>
{
    public static TheoryData<string> Names => [.. FaultSite.Faults("").Select(fault => fault.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_fault_of_the_provider_has_its_end(string name)
    {
        var fault = FaultSite.Faults("").Single(each => each.Name == name);
        var (prompt, end) = await site.EndOfAsync(fault);
        ((string?)end["status"], (string?)end["failure"]?["code"]).ShouldBe((fault.Status, fault.Code), end.ToJsonString());
        await Books.ShouldBeSettledOnceAsync(site.Person, end);
        site.StubOf(fault).Creations(prompt).ShouldBe(fault.Creations);
    }

    [Fact]
    public async Task A_call_that_was_put_off_keeps_its_key_and_a_new_submission_has_its_own()
    {
        await site.AllAsync();
        site.Stub.Keys("create is throttled twice").Distinct().Count().ShouldBe(1);
        site.Stub.Keys("create is throttled twice").Count.ShouldBe(3);
        var keys = site.RememberingStub.Keys("create is taken and dropped by a provider that remembers keys");
        (keys.Count, keys.Distinct().Count()).ShouldBe((2, 1));
        site.Stub.Keys("failed late by an error of theirs, again and again").ShouldBeUnique();
    }

    [Fact]
    public async Task After_all_of_them_the_books_are_clean_no_file_is_left_and_no_redirect_was_followed()
    {
        await site.AllAsync();
        await Books.ShouldBeCleanAsync(site.Site);
        await Books.ShouldHaveNoOrphansAsync(site.Site);
        (site.Elsewhere.StrayCalls, site.Elsewhere.Videos.Count).ShouldBe((0, 0));
    }
}
