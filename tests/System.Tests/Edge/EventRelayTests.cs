using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Shouldly;
using SkyRiff.SystemTests.Engines;
using SkyRiff.SystemTests.Kit;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Edge;

/// <summary>A stream on one process tells what happens on another.</summary>
public sealed class EventRelayTests
{
    [Fact]
    public async Task A_stream_on_one_process_sees_the_work_of_another_and_what_happened_while_Redis_was_away()
    {
        await using var site = new ProgramSite();
        await site.StartAsync();
        var api = await site.StartBesideAsync("api", [KeyValuePair.Create("App:Role", "api")]);
        using var person = await Person.RegisterAsync(site);
        await using var stream = await EventStream.OpenAsync(api.Address, person.Token);

        var first = await person.GenerateAsync("a harbour at night");
        (await person.EndOfAsync(first))["status"]!.GetValue<string>().ShouldBe("ready");
        await Eventually.TrueAsync(() => stream.HasSeen(first, "ready"), "the stream on the other process told that the clip is ready");
        stream.HasSeen(first, "running").ShouldBeTrue("it told of the way as well, not only of the end");

        // Redis dies; what happens meanwhile is told when it is back.
        var info = await EngineSite.RedisAsync(site.Engines, "info", "server");
        using (var redis = Process.GetProcessById(int.Parse(info.Split('\n').Single(line => line.StartsWith("process_id:", StringComparison.Ordinal)).Trim()["process_id:".Length..], CultureInfo.InvariantCulture)))
        {
            redis.Kill();
        }
        var second = await person.GenerateAsync("a meadow in spring");
        (await person.EndOfAsync(second))["status"]!.GetValue<string>().ShouldBe("ready");
        await Eventually.TrueAsync(() => stream.HasSeen(second, "ready"), "the stream told it after Redis came back", TimeSpan.FromSeconds(30));
        stream.HasEnded.ShouldBeFalse("the stream never broke");
    }

    private sealed class EventStream : IAsyncDisposable
    {
        private readonly HttpClient _http = new() { Timeout = Timeout.InfiniteTimeSpan };
        private readonly CancellationTokenSource _stop = new();
        private readonly ConcurrentQueue<JsonNode> _generations = new();
        private Task _reading = Task.CompletedTask;

        public bool HasEnded => _reading.IsCompleted;

        public static async Task<EventStream> OpenAsync(Uri address, string token)
        {
            var stream = new EventStream();
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address, "/api/v1/events"));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            var reply = await stream._http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
            reply.EnsureSuccessStatusCode();
            stream._reading = stream.ReadAsync(reply);
            return stream;
        }

        public bool HasSeen(string generation, string status) => _generations.Any(seen => (string?)seen["id"] == generation && (string?)seen["status"] == status);

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _http.Dispose();
            _stop.Dispose();
        }

        private async Task ReadAsync(HttpResponseMessage reply)
        {
            using var _ = reply;
            using var lines = new StreamReader(await reply.Content.ReadAsStreamAsync(_stop.Token));
            var type = "";
            while (await lines.ReadLineAsync(_stop.Token) is { } line)
            {
                if (line.StartsWith("event: ", StringComparison.Ordinal)) type = line["event: ".Length..];
                else if (type == "generation" && line.StartsWith("data: ", StringComparison.Ordinal)) _generations.Enqueue(JsonNode.Parse(line["data: ".Length..])!);
            }
        }
    }
}
