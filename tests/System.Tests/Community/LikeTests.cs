using System.Net;
using System.Text.Json.Nodes;
using Shouldly;
using SkyRiff.SystemTests.Kit;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Community;

/// <summary>Likes through the whole program: three services, their events between them.</summary>
public sealed class LikeTests
{
    [Fact]
    public async Task A_like_shows_in_lists_and_in_detail_goes_with_who_gave_it_and_ends_with_its_work()
    {
        await using var site = new ProgramSite();
        await site.StartAsync();
        using var author = await Person.RegisterAsync(site);
        using var fan = await Person.RegisterAsync(site);
        using var leaver = await Person.RegisterAsync(site);
        var generation = await author.GenerateAsync("a small boat on a quiet lake", size: "640x360");
        await author.EndOfAsync(generation);
        var published = (await author.SendAsync(HttpMethod.Post, "/api/v1/works", new { generationId = generation, title = "On the lake", visibility = "public" }, Person.NewKey())).Json;
        published["counts"]!.ToJsonString().ShouldBe("""{"views":0,"likes":0,"comments":0}""");
        var work = (string)published["id"]!;
        var like = $"/api/v1/works/{work}/like";

        (await fan.SendAsync(HttpMethod.Put, like)).Json.ToJsonString().ShouldBe("""{"likes":1,"liked":true}""");
        (await leaver.SendAsync(HttpMethod.Put, like)).Json.ToJsonString().ShouldBe("""{"likes":2,"liked":true}""");
        foreach (var (viewer, liked) in new[] { (fan, true), (author, false) })
        {
            foreach (var shown in new[] { await WorkAsync(viewer, work), (await viewer.SendAsync(HttpMethod.Get, "/api/v1/works?feed=latest")).Json["items"]!.AsArray().Single()! })
            {
                ((long)shown["counts"]!["likes"]!).ShouldBe(2);
                ((bool)shown["viewer"]!["liked"]!).ShouldBe(liked);
            }
        }

        (await leaver.SendAsync(HttpMethod.Delete, "/api/v1/users/me")).Status.ShouldBe(HttpStatusCode.NoContent);
        await Eventually.TrueAsync(async () => (long)(await WorkAsync(fan, work))["counts"]!["likes"]! == 1, "the deleted user's like was taken back");

        (await author.SendAsync(HttpMethod.Patch, "/api/v1/works/" + work, new { visibility = "private" })).Status.ShouldBe(HttpStatusCode.OK);
        (await fan.SendAsync(HttpMethod.Put, like)).Code.ShouldBe("videos.work_not_found");
        (await author.SendAsync(HttpMethod.Delete, "/api/v1/works/" + work)).Status.ShouldBe(HttpStatusCode.NoContent);
        (await fan.SendAsync(HttpMethod.Delete, like)).Code.ShouldBe("videos.work_not_found");
        await Eventually.TrueAsync(async () => await RowsAsync(site) == 0, "the deleted work's likes were forgotten");
    }

    private static async Task<JsonNode> WorkAsync(Person viewer, string work) => (await viewer.SendAsync(HttpMethod.Get, "/api/v1/works/" + work)).Json;

    private static async Task<long> RowsAsync(ProgramSite site) => (await site.SqlAsync("SELECT (SELECT count(*) FROM social.likes) + (SELECT count(*) FROM social.work_likes)")).Sum(long.Parse);
}
