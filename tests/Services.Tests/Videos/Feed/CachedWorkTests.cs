using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using SkyRiff.Caching;
using SkyRiff.Contracts;
using SkyRiff.Kernel.Ids;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Feed;

/// <summary>Nobody sees through the cache what is not theirs to see, whoever looked before.</summary>
public sealed class CachedWorkTests(SharedPostgres shared) : WorksTest(shared)
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Of_two_users_who_read_crosswise_each_sees_what_is_public_and_what_is_their_own(bool ownerFirst)
    {
        var (ada, eve) = (await NewUserAsync(0), await NewUserAsync(1));
        var works = new[] { (Owner: ada, Other: eve, Work: await PublishedAsync(ada, "private")), (Owner: eve, Other: ada, Work: await PublishedAsync(eve, "private")) };
        foreach (var (owner, other, work) in works)
        {
            foreach (var api in new[] { Here, There, Here, There })
            {
                foreach (var reader in ownerFirst ? new UserId?[] { owner, other, null } : [null, other, owner])
                {
                    var (status, body) = await SendAsync(api, HttpMethod.Get, $"/works/{work}", reader);
                    status.ShouldBe(reader == owner ? HttpStatusCode.OK : HttpStatusCode.NotFound, body.ToString());
                    if (reader != owner) continue;
                    body.GetProperty("viewer").GetProperty("own").GetBoolean().ShouldBeTrue();
                    body.GetProperty("playback").GetProperty("mp4").GetString()!.ShouldContain("/~", Case.Sensitive, "a private file needs a pass");
                }
            }
        }

        // What everybody may see is shown as it is to each.
        var shared = await PublishedAsync(ada);
        foreach (var reader in new UserId?[] { ada, eve, null, ada, null, eve })
        {
            var (status, body) = await SendAsync(Here, HttpMethod.Get, $"/works/{shared}", reader);
            status.ShouldBe(HttpStatusCode.OK);
            body.GetProperty("playback").GetProperty("mp4").GetString()!.ShouldNotContain("/~");
            if (reader is null) body.GetProperty("viewer").ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);
            else body.GetProperty("viewer").GetProperty("own").GetBoolean().ShouldBe(reader == ada);
        }
    }

    [Fact]
    public async Task A_work_that_is_made_private_is_gone_for_others_here_at_once_and_elsewhere_as_soon_as_Redis_tells()
    {
        var (ada, eve) = (await NewUserAsync(0), await NewUserAsync(1));
        var work = await PublishedAsync(ada);
        foreach (var api in new[] { Here, There }) (await SendAsync(api, HttpMethod.Get, $"/works/{work}", eve)).Status.ShouldBe(HttpStatusCode.OK);
        await Eventually.TrueAsync(() => There.Services.GetRequiredService<Cache>().IsAttached, "the other process does not hear invalidations");

        (await SendAsync(Here, HttpMethod.Patch, $"/works/{work}", ada, """{"visibility":"private"}""")).Status.ShouldBe(HttpStatusCode.OK);
        (await SendAsync(Here, HttpMethod.Get, $"/works/{work}", eve)).Status.ShouldBe(HttpStatusCode.NotFound);
        await Eventually.TrueAsync(async () => (await SendAsync(There, HttpMethod.Get, $"/works/{work}", eve)).Status is HttpStatusCode.NotFound, "the other process still shows it");
        (await SendAsync(There, HttpMethod.Get, $"/works/{work}", ada)).Status.ShouldBe(HttpStatusCode.OK);

        (await SendAsync(Here, HttpMethod.Delete, $"/works/{work}", ada)).Status.ShouldBe(HttpStatusCode.NoContent);
        await Eventually.TrueAsync(async () => (await SendAsync(There, HttpMethod.Get, $"/works/{work}", ada)).Status is HttpStatusCode.NotFound, "the other process still shows it");
    }

    [Fact]
    public async Task Reading_a_work_again_does_not_ask_the_database_and_one_that_does_not_exist_neither()
    {
        var ada = await NewUserAsync(0);
        var work = await PublishedAsync(ada);
        var nobodys = Id.Compose(TimeProvider.System.GetUtcNow().AddDays(-1), 0, 1);
        var cache = Here.Services.GetRequiredService<Cache>();
        await cache.AttachedAsync(Ct);
        for (var i = 0; i < 10; i++)
        {
            (await SendAsync(Here, HttpMethod.Get, $"/works/{work}")).Status.ShouldBe(HttpStatusCode.OK);
            (await SendAsync(Here, HttpMethod.Get, $"/works/{nobodys}")).Status.ShouldBe(HttpStatusCode.NotFound);
        }
        var works = cache.Statistics().Single(family => family.Name == "works");
        works.Loads.ShouldBe(2, "each was looked up at the database once");
        works.LocalHits.ShouldBeGreaterThan(12);
    }
}
