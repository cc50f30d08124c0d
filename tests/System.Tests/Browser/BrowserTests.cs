using Microsoft.Playwright;
using Shouldly;
using SkyRiff.SystemTests.Holding;
using SkyRiff.SystemTests.Kit;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Browser;

/// <summary>The main job, as people do it: in a browser, from a stranger's first page to a clip that plays.</summary>
public sealed class BrowserTests(BrowserSite site) : IClassFixture<BrowserSite>
{
    private const int ReloadRounds = 6;
    private const string Scene = "A lighthouse by a stormy sea at dusk, waves rolling in";

    [Fact]
    public async Task A_newcomer_joins_makes_a_clip_sees_it_play_publishes_it_finds_it_in_the_feed_and_reads_the_receipt()
    {
        await using var visitor = await site.VisitAsync(1280, 800);
        var page = await visitor.OpenAsync("/");
        await page.GetByRole(AriaRole.Link, Linked("Join free")).WaitForAsync();
        await page.Locator("main h1").First.WaitForAsync();
        await ShotAsync(page, "01-first-page");
        await JoinAsync(page);
        await page.WaitForURLAsync("**/create");

        await page.GetByLabel("Your scene").FillAsync(Scene);
        await page.GetByText("640×360").ClickAsync();
        await page.GetByText("credits for 4 s").WaitForAsync();
        await ShotAsync(page, "02-create");
        await page.GetByRole(AriaRole.Button, Named("Make the clip")).ClickAsync();
        await page.WaitForURLAsync("**/g/*");
        await page.GetByRole(AriaRole.Button, Named("Call it off")).WaitForAsync();
        await ShotAsync(page, "03-in-the-making");

        await page.GetByLabel("Title").WaitForAsync();
        await ShouldPlayAsync(page, Scene);
        await ShotAsync(page, "04-ready");
        var receipt = await page.InnerTextAsync("main");
        receipt.ShouldContain("You paid");
        receipt.ShouldContain("4 credits");

        await page.GetByLabel("Title").FillAsync("The last light");
        await page.GetByLabel("Tags").FillAsync("sea, storm");
        await page.GetByRole(AriaRole.Button, Named("Publish")).ClickAsync();
        await page.WaitForURLAsync("**/w/*");
        await ShouldPlayAsync(page, "The last light");
        // A like, by the keyboard, that is there again after a reload.
        await page.RunAndWaitForResponseAsync(
            () => page.GetByRole(AriaRole.Button, Linked("Like The last light, 0 likes")).PressAsync("Enter"),
            response => response.Request.Method == "PUT" && response.Url.EndsWith("/like", StringComparison.Ordinal));
        await page.GetByRole(AriaRole.Button, Linked("Like The last light, 1 like")).WaitForAsync();
        await page.ReloadAsync();
        await ShouldBeLikedAsync(page);
        await ShotAsync(page, "05-published");

        await page.GotoAsync("/");
        await page.GetByText("The last light").First.WaitForAsync();
        await ShouldBeLikedAsync(page);
        await ShotAsync(page, "06-feed");
        await page.GotoAsync("/wallet");
        await page.GetByText("Receipts").First.WaitForAsync();
        await page.GetByText("on hold for clips in the making").WaitForAsync();
        await ShotAsync(page, "07-wallet");

        // A stranger sees it too, and it plays.
        await using var stranger = await site.VisitAsync(1280, 800);
        var feed = await stranger.OpenAsync("/");
        await feed.GetByRole(AriaRole.Button, Linked("Like The last light")).ClickAsync();
        await feed.GetByRole(AriaRole.Dialog, new PageGetByRoleOptions { Name = "Like this clip?" }).WaitForAsync();
        await feed.GetByRole(AriaRole.Button, Named("Not now")).ClickAsync();
        await feed.GetByText("The last light").First.ClickAsync();
        await feed.WaitForURLAsync("**/w/*");
        await ShouldPlayAsync(feed, "The last light");

        visitor.Complaints.Concat(stranger.Complaints).ShouldBeEmpty();
        await Books.ShouldBeCleanAsync(site.Site);
    }

    [Fact]
    public async Task On_a_phone_every_page_fits_and_the_clip_plays()
    {
        const string boat = "a small boat on a quiet lake";
        using var person = await Person.RegisterAsync(site.Site);
        var id = await person.GenerateAsync(boat, size: "640x360");
        await person.EndOfAsync(id);
        var published = await person.SendAsync(HttpMethod.Post, "/api/v1/works", new { generationId = id, title = "On the lake", visibility = "public" }, Person.NewKey());
        var work = (string)published.Json["id"]!;

        await using var visitor = await site.VisitAsync(390, 844, phone: true);
        var page = await visitor.OpenAsync("/");
        await visitor.SignInAsync(page, person);
        foreach (var (path, name) in ((string, string)[])[("/", "feed"), ("/create", "create"), ("/generations", "clips"), ("/g/" + id, "clip"), ("/w/" + work, "work"), ("/wallet", "wallet"), ("/settings/sessions", "settings")])
        {
            await page.GotoAsync(path);
            await page.WaitForLoadStateAsync(LoadState.Load);
            await page.Locator("main h1, main h2").First.WaitForAsync(new LocatorWaitForOptions { State = WaitForSelectorState.Attached });
            (await page.EvaluateAsync<int>("document.documentElement.scrollWidth - innerWidth")).ShouldBeLessThanOrEqualTo(0, $"{path} is wider than the phone");
            await ShotAsync(page, "phone-" + name);
            if (name is "clip" or "work") await ShouldPlayAsync(page, name is "clip" ? boat : "On the lake");
        }
        visitor.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task Two_tabs_that_are_reloaded_at_once_again_and_again_stay_signed_in()
    {
        using var person = await Person.RegisterAsync(site.Site);
        await using var visitor = await site.VisitAsync(1024, 700);
        var one = await visitor.OpenAsync("/");
        await visitor.SignInAsync(one, person);
        var other = await visitor.OpenAsync("/wallet");
        for (var round = 0; round < ReloadRounds; round++)
        {
            await Task.WhenAll(one.GotoAsync("/wallet"), other.ReloadAsync());
            await Task.WhenAll(((IPage[])[one, other]).Select(page => page.GetByText("credits to spend").WaitForAsync()));
        }
        one.Url.ShouldEndWith("/wallet");
        other.Url.ShouldEndWith("/wallet");
        visitor.Complaints.ShouldBeEmpty();
    }

    private static Task ShouldBeLikedAsync(IPage page) =>
        page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Like The last light, 1 like", Pressed = true }).WaitForAsync();

    private static async Task JoinAsync(IPage page)
    {
        var handle = "n" + Convert.ToHexStringLower(Guid.NewGuid().ToByteArray())[..12];
        await page.GotoAsync("/register");
        await page.GetByLabel("Handle").FillAsync(handle);
        await page.GetByLabel("E-mail").FillAsync(handle + "@example.org");
        await page.GetByLabel("Password", new PageGetByLabelOptions { Exact = true }).FillAsync(Person.Password);
        await page.GetByRole(AriaRole.Button, Named("Join SkyRiff")).ClickAsync();
    }

    /// <summary>
    /// The clip of that title shows a picture, and its time goes on. By its title, because the address changes before the page does: for a moment the
    /// player of the page before is still there.
    /// </summary>
    private static async Task ShouldPlayAsync(IPage page, string title)
    {
        var video = page.GetByRole(AriaRole.Group, Named("Player: " + title)).Locator("video");
        await video.WaitForAsync();
        await Eventually.TrueAsync(() => video.EvaluateAsync<bool>("v => v.videoWidth > 0 && v.readyState >= 2"), $"a picture of {title}");
        await video.EvaluateAsync("v => { v.muted = true; return v.paused ? v.play() : undefined; }");
        var from = await video.EvaluateAsync<double>("v => v.currentTime");
        await Eventually.TrueAsync(async () => Math.Abs(await video.EvaluateAsync<double>("v => v.currentTime") - from) > 0.5, $"{title} plays on");
    }

    private static Task ShotAsync(IPage page, string name) => page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(BrowserSite.Screenshots, name + ".png"), FullPage = true });

    private static PageGetByRoleOptions Linked(string name) => new() { Name = name };

    private static PageGetByRoleOptions Named(string name) => new() { Name = name, Exact = true };
}
