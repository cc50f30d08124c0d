using System.Collections.Concurrent;
using Microsoft.Playwright;
using SkyRiff.SystemTests.Kit;
using Xunit;

namespace SkyRiff.SystemTests.Browser;

/// <summary>The program with its built web app, and a real browser.</summary>
public sealed class BrowserSite : IAsyncLifetime
{
    private static readonly string[] Arguments =
    [
        "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
        "--autoplay-policy=no-user-gesture-required",
    ];

    private static readonly string[] Browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    internal static string Screenshots { get; } = Path.Combine(Sources(), "artifacts", "screenshots");

    internal ProgramSite Site { get; } = new([new("App:WebRoot", Path.Combine(Sources(), "web", "dist"))]);

    public async ValueTask InitializeAsync()
    {
        var web = Path.Combine(Sources(), "web", "dist", "index.html");
        if (!File.Exists(web)) throw new InvalidOperationException($"{web} is missing: build the web app first (./skyriff test does, or npm run build in web/).");
        Directory.CreateDirectory(Screenshots);
        Environment.SetEnvironmentVariable("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
        await Site.StartAsync();
        _playwright = await Playwright.CreateAsync();
        var executable = Array.Find(Browsers, File.Exists) ?? throw new InvalidOperationException($"No browser is installed; looked for {string.Join(", ", Browsers)}.");
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = executable, Args = Arguments });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
        await Site.DisposeAsync();
    }

    /// <summary>A visitor with a browser profile of their own.</summary>
    internal async Task<Visitor> VisitAsync(int width, int height, bool phone = false)
    {
        var context = await _browser!.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = Site.Address.ToString(),
            ViewportSize = new ViewportSize { Width = width, Height = height },
            DeviceScaleFactor = phone ? 2 : 1,
            IsMobile = phone,
            HasTouch = phone,
        });
        context.SetDefaultTimeout(60_000);
        return new Visitor(context);
    }

    private static string Sources()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root!.FullName, "SkyRiff.slnx"))) root = root.Parent;
        return root.FullName;
    }
}

/// <summary>A browser profile and what its pages complained about.</summary>
internal sealed class Visitor(IBrowserContext context) : IAsyncDisposable
{
    private readonly ConcurrentQueue<string> _complaints = new();

    /// <summary>Errors of scripts and of the console: a broken policy, a missing file, an exception.</summary>
    public IReadOnlyCollection<string> Complaints => _complaints;

    public async Task<IPage> OpenAsync(string path)
    {
        var page = await context.NewPageAsync();
        page.Console += (_, message) =>
        {
            if (message.Type == "error") _complaints.Enqueue($"{page.Url}: {message.Text}");
        };
        page.PageError += (_, error) => _complaints.Enqueue($"{page.Url}: {error}");
        await page.GotoAsync(path);
        return page;
    }

    public async Task SignInAsync(IPage page, Person person)
    {
        await page.GotoAsync("/login");
        await page.GetByLabel("Handle or e-mail").FillAsync(person.Handle);
        await page.GetByLabel("Password", new PageGetByLabelOptions { Exact = true }).FillAsync(Person.Password);
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Sign in" }).ClickAsync();
        await page.WaitForURLAsync(url => !url.Contains("/login", StringComparison.Ordinal));
    }

    public ValueTask DisposeAsync() => context.DisposeAsync();
}
