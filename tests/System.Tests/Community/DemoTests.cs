using System.Text.Json.Nodes;
using Shouldly;
using SkyRiff.App.Demo;
using SkyRiff.SystemTests.Kit;
using Xunit;

namespace SkyRiff.SystemTests.Community;

public sealed class DemoTests
{
    [Fact]
    public void A_clip_is_liked_by_as_many_others_as_it_says_each_once_and_no_two_clips_are_liked_alike()
    {
        foreach (var clip in DemoScript.Clips)
        {
            var fans = DemoScript.FansOf(clip).Select(fan => fan.Handle).ToList();
            fans.Count.ShouldBe(clip.Likes);
            fans.ShouldBeUnique();
            fans.ShouldNotContain(clip.Author);
            DemoScript.People.ShouldContain(person => person.Handle == clip.Author);
        }
        DemoScript.Clips.Select(clip => clip.Likes).Distinct().Count().ShouldBe(DemoScript.Clips.Count);
    }

    [Fact]
    public async Task The_demo_makes_people_a_clip_and_its_likes_and_the_second_time_finds_them_all()
    {
        // A passer-by has the first name, and keeps it.
        await using var site = new ProgramSite();
        await site.StartAsync();
        using var reader = await Person.RegisterAsync(site);
        (await reader.SendAsync(HttpMethod.Post, "/api/v1/auth/register", new { handle = DemoScript.People[0].Handle, email = "maren@example.org", password = Person.Password })).Status.ShouldBe(System.Net.HttpStatusCode.Created);
        string[] command = ["demo", "--url", site.Address.ToString(), "--works", "1"];

        var (code, output) = await site.RunAsync(command);
        code.ShouldBe(0, output);
        output.ShouldContain("Done: 1 new clips");
        var work = await OnlyWorkAsync(reader);
        ((string?)work["title"]).ShouldBe(DemoScript.Clips[0].Title);
        ((string?)work["author"]!["handle"]).ShouldBe(DemoScript.Clips[0].Author + "2");
        ((long)work["counts"]!["likes"]!).ShouldBe(DemoScript.Clips[0].Likes);

        (code, output) = await site.RunAsync(command);
        code.ShouldBe(0, output);
        output.ShouldContain("Everything was there already.");
        (await OnlyWorkAsync(reader)).ToJsonString().ShouldBe(work.ToJsonString());
        (await site.SqlAsync("SELECT id FROM users.users")).Count.ShouldBe(DemoScript.People.Count + 2);
    }

    [Fact]
    public async Task Where_nothing_runs_the_demo_says_so_and_how_to_start_something()
    {
        await using var site = new ProgramSite();
        var (code, output) = await site.RunAsync("demo", "--url", site.Address.ToString());
        code.ShouldBe(1, output);
        output.ShouldContain("Connection refused");
        output.ShouldContain("./skyriff up starts one");
    }

    private static async Task<JsonNode> OnlyWorkAsync(Person reader) => (await reader.SendAsync(HttpMethod.Get, "/api/v1/works")).Json["items"]!.AsArray().Single()!;
}
