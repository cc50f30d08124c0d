using System.Buffers.Text;
using System.Collections.Concurrent;
using System.CommandLine;
using SkyRiff.App.Demo;
using SkyRiff.App.Instances;
using SkyRiff.Kernel.Secrets;
using Spectre.Console;

namespace SkyRiff.App.Commands;

/// <summary>
/// skyriff demo: people, clips and likes for a running instance, through its API as anybody would, so that a newcomer sees a living product. Running it again adds what is
/// missing and nothing else: its people's passwords follow from the instance's master key, so it can sign in as them, and nobody else can.
/// </summary>
internal static class DemoCommand
{
    /// <summary>As many as the built-in renderer makes at a time; more would only wait.</summary>
    private const int ClipsAtOnce = 2;

    /// <summary>Each costs the instance a password's hash.</summary>
    private const int JoiningAtOnce = 2;

    private static readonly TimeSpan CallMax = TimeSpan.FromSeconds(30);

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
        var data = InstanceOptions.Data();
        var command = new Command("demo", "Fills a running instance with a small community: people, rendered clips, likes. Again: adds what is missing.") { url, works, data };
        command.SetAction((parsed, token) => CommandLine.GuardAsync(() => RunAsync(new Uri(parsed.GetValue(url)!), parsed.GetValue(works), parsed.GetValue(data), token)));
        return command;
    }

    private static async Task<ExitCode> RunAsync(Uri url, int works, DirectoryInfo? data, CancellationToken token)
    {
        using var http = new HttpClient { BaseAddress = url, Timeout = CallMax };
        var client = new DemoClient(http, TimeProvider.System);
        try
        {
            await client.CheckAsync(token);
        }
        catch (DemoException failure)
        {
            await Console.Error.WriteLineAsync($"skyriff: {failure.Message}");
            await Console.Error.WriteLineAsync($"Is an instance running at {url}? ./skyriff up starts one; --url names another.");
            return ExitCode.Failed;
        }
        try
        {
            var (made, liked) = await FillAsync(client, [.. DemoScript.Clips.Take(works)], FindKey(data), token);
            Console.WriteLine(made == 0 ? $"Everything was there already. Look at {url}" : $"Done: {made} new clips, {liked} likes. Look at {url}");
            return ExitCode.Ok;
        }
        catch (DemoException failure)
        {
            await Console.Error.WriteLineAsync($"skyriff: {failure.Message}");
            return ExitCode.Failed;
        }
    }

    /// <summary>The key of the instance, where its data folder is on this machine.</summary>
    private static MasterKey FindKey(DirectoryInfo? data)
    {
        var folder = data?.FullName ?? DataFolder.DefaultPath();
        if (File.Exists(MasterKeyFile.PathIn(folder))) return MasterKeyFile.Read(folder);
        throw new DemoException($"There is no instance's key in {folder}. Give the instance's data folder with --data: the passwords of the demo's people follow from that key.");
    }

    private static Task<(int Made, int Liked)> FillAsync(DemoClient client, IReadOnlyList<DemoScript.Clip> clips, MasterKey key, CancellationToken token) => AnsiConsole.Progress().StartAsync(async bars =>
    {
        var joining = bars.AddTask("people join", maxValue: DemoScript.People.Count);
        var all = bars.AddTask("clips are made", maxValue: clips.Count);
        var liking = bars.AddTask("likes are given", maxValue: clips.Sum(clip => clip.Likes));

        var accounts = new ConcurrentDictionary<string, DemoClient.Account>();
        await Parallel.ForEachAsync(DemoScript.People, new ParallelOptions { MaxDegreeOfParallelism = JoiningAtOnce, CancellationToken = token }, async (person, cancellation) =>
        {
            accounts[person.Handle] = await client.JoinAsync(person, Base64Url.EncodeToString(key.Derive($"demo/{person.Handle}")), cancellation);
            joining.Increment(1);
        });

        var made = 0;
        await Parallel.ForEachAsync(clips, new ParallelOptions { MaxDegreeOfParallelism = ClipsAtOnce, CancellationToken = token }, async (clip, cancellation) =>
        {
            var author = accounts[clip.Author];
            if (await client.FindWorkAsync(author, clip, cancellation) is not { } work)
            {
                var bar = bars.AddTask(Markup.Escape(clip.Title), maxValue: 100);
                var generation = await client.FindGenerationAsync(author, clip, cancellation) ?? await client.OrderAsync(author, clip, cancellation);
                await client.WaitAsync(author, generation, share => bar.Value = share, cancellation);
                work = await client.PublishAsync(author, generation, clip, cancellation);
                bar.Value = 100;
                Interlocked.Increment(ref made);
            }
            all.Increment(1);
            foreach (var fan in DemoScript.FansOf(clip))
            {
                await client.LikeAsync(accounts[fan.Handle], work, cancellation);
                liking.Increment(1);
            }
        });
        return (made, (int)liking.Value);
    });
}
