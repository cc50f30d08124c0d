using System.CommandLine;
using SkyRiff.App.Demo;
using SkyRiff.Kernel;
using Spectre.Console;

namespace SkyRiff.App.Commands;

/// <summary>skyriff demo: people and clips for a running instance, through its API as anybody would, so that a newcomer sees a living product.</summary>
internal static class DemoCommand
{
    /// <summary>As many as the built-in renderer makes at a time; more would only wait.</summary>
    private const int ClipsAtOnce = 2;

    public static Command Make()
    {
        var url = new Option<string>("--url") { Description = "Where the instance is.", DefaultValueFactory = _ => "http://localhost:5080" };
        url.Validators.Add(result =>
        {
            if (!Uri.TryCreate(result.GetValueOrDefault<string>(), UriKind.Absolute, out var given) || given.Scheme is not ("http" or "https")) result.AddError("--url is an http or https address.");
        });
        var works = new Option<int>("--works") { Description = $"How many clips to make, 1 to {DemoScript.Clips.Count}.", DefaultValueFactory = _ => DemoScript.Clips.Count };
        works.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is var count && (count < 1 || count > DemoScript.Clips.Count)) result.AddError($"--works is a number from 1 to {DemoScript.Clips.Count}.");
        });
        var command = new Command("demo", "Fills a running instance with a small community: people, rendered clips, published works.") { url, works };
        command.SetAction((parsed, token) => CommandLine.GuardAsync(() => RunAsync(new Uri(parsed.GetValue(url)!), parsed.GetValue(works), token)));
        return command;
    }

    private static async Task<ExitCode> RunAsync(Uri url, int works, CancellationToken token)
    {
        using var http = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromSeconds(30) };
        var client = new DemoClient(http);
        try
        {
            using var ready = await http.GetAsync(new Uri("/health/ready", UriKind.Relative), token);
            ready.EnsureSuccessStatusCode();
            await FillAsync(client, [.. DemoScript.Clips.Take(works)], token);
        }
        catch (HttpRequestException failure)
        {
            await Console.Error.WriteLineAsync($"skyriff: {failure.Message}");
            await Console.Error.WriteLineAsync($"Is an instance running at {url}? ./skyriff up starts one; --url names another.");
            return ExitCode.Failed;
        }
        Console.WriteLine($"Done. Look at {url}");
        return ExitCode.Ok;
    }

    private static Task FillAsync(DemoClient client, IReadOnlyList<DemoScript.Clip> clips, CancellationToken token) => AnsiConsole.Progress().StartAsync(async bars =>
    {
        var people = DemoScript.People.Where(person => clips.Any(clip => clip.Author == person.Handle)).ToList();
        var joining = bars.AddTask("people join", maxValue: people.Count);
        var tokens = new Dictionary<string, string>();
        foreach (var person in people)
        {
            tokens[person.Handle] = await client.RegisterAsync(person, Entropy.System.NextSecret(18), token);
            joining.Increment(1);
        }

        var all = bars.AddTask("clips are made", maxValue: clips.Count);
        await Parallel.ForEachAsync(clips, new ParallelOptions { MaxDegreeOfParallelism = ClipsAtOnce, CancellationToken = token }, async (clip, cancellation) =>
        {
            var bar = bars.AddTask(Markup.Escape(clip.Title), maxValue: 100);
            var generation = await client.GenerateAsync(tokens[clip.Author], clip, share => bar.Value = share, cancellation);
            await client.PublishAsync(tokens[clip.Author], generation, clip, cancellation);
            bar.Value = 100;
            all.Increment(1);
        });
    });
}
