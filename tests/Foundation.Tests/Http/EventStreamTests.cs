using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Shouldly;
using SkyRiff.Http;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Http;

/// <summary>GET /events over real HTTP, under a clock of the test's.</summary>
public sealed class EventStreamTests : HttpTest
{
    private readonly Source _source = new();

    private UserEventHub Hub => Services.GetRequiredService<UserEventHub>();

    private protected override void AddServices(IServiceCollection services) => services.AddSingleton<IUserEventSource>(_source);

    private protected override void Map(ApiRoutes api, WebApplication app) => Services.GetRequiredService<UserEventStream>().Map(api);

    [Fact]
    public async Task What_was_missed_comes_first_and_what_happens_follows()
    {
        _source.Missed = [Event("generation", 1_000, "old")];
        await using var stream = await OpenAsync(lastEventId: "500");
        _source.Asked.ShouldBe([DateTimeOffset.FromUnixTimeMilliseconds(500)]);
        (await stream.NextAsync()).ShouldBe("retry: 1000");
        (await stream.NextAsync()).ShouldBe("id: 1000\nevent: generation\ndata: {\"v\":\"old\"}");

        Hub.Publish(1, Event("wallet", 2_000, "new"));
        Hub.Publish(2, Event("wallet", 2_500, "somebody else's"));
        Hub.Publish(1, Event("wallet", 3_000, "newer"));
        (await stream.NextAsync()).ShouldBe("id: 2000\nevent: wallet\ndata: {\"v\":\"new\"}");
        (await stream.NextAsync()).ShouldBe("id: 3000\nevent: wallet\ndata: {\"v\":\"newer\"}");
    }

    [Fact]
    public async Task What_may_have_been_lost_between_processes_is_asked_for_at_the_sources()
    {
        await using var stream = await OpenAsync();
        await stream.NextAsync();
        _source.Missed = [Event("generation", 4_000, "missed")];
        Hub.AskAgain(2, DateTimeOffset.FromUnixTimeMilliseconds(1)); // somebody else's
        Hub.AskAgain(1, DateTimeOffset.FromUnixTimeMilliseconds(3_000));
        (await stream.NextAsync()).ShouldBe("id: 4000\nevent: generation\ndata: {\"v\":\"missed\"}");
        _source.Asked.ShouldBe([null, DateTimeOffset.FromUnixTimeMilliseconds(3_000)]);
    }

    [Fact]
    public async Task A_stream_listens_to_other_processes_before_it_asks_the_sources_and_no_longer_than_it_is_open()
    {
        var relay = new Relay();
        Hub.Relay = relay;
        await using (var stream = await OpenAsync())
        {
            await stream.NextAsync();
            relay.Calls.ShouldBe(["listen 1"]);
            Hub.Publish(1, Event("wallet", 2_000, "here"));
            relay.Calls.ShouldBe(["listen 1", "send 1"]);
            (await stream.NextAsync()).ShouldBe("id: 2000\nevent: wallet\ndata: {\"v\":\"here\"}");
        }
        await Eventually.TrueAsync(() => relay.Calls.Contains("stop 1"), "the relay was not told that the stream is gone");
    }

    private sealed class Relay : IUserEventRelay
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<string> _calls = new();

        public string[] Calls => [.. _calls];

        public void Send(long user, UserEvent what) => _calls.Enqueue($"send {user}");

        public Task ListenAsync(long user, CancellationToken cancellationToken)
        {
            _calls.Enqueue($"listen {user}");
            return Task.CompletedTask;
        }

        public void StopListening(long user) => _calls.Enqueue($"stop {user}");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("-1")]
    [InlineData("99999999999999999999")]
    [InlineData("253402300800000")]
    [InlineData("1e3")]
    public async Task A_last_event_id_that_is_not_ours_starts_afresh(string? id)
    {
        await using var stream = await OpenAsync(id);
        _source.Asked.ShouldBe([(DateTimeOffset?)null]);
    }

    [Fact]
    public async Task Silence_is_broken_so_that_nobody_in_between_hangs_up()
    {
        await using var stream = await OpenAsync();
        await stream.NextAsync();
        await AdvanceAsync(UserEventStream.HeartbeatInterval);
        (await stream.NextAsync()).ShouldBe(": still here");
    }

    [Fact]
    public async Task A_revoked_session_or_a_banned_user_ends_an_open_stream_within_two_seconds()
    {
        await using var stream = await OpenAsync();
        await stream.NextAsync();
        Callers.Revoked = true;
        await AdvanceAsync(UserEventStream.ProofInterval);
        (await stream.NextAsync()).ShouldBeNull();
        UserEventStream.ProofInterval.ShouldBeLessThanOrEqualTo(TimeSpan.FromSeconds(2)); // verifiers may remember 3 s more
        await Eventually.TrueAsync(() => Hub.OpenStreams == 0, "the stream's place was not given back");
    }

    [Fact]
    public async Task Events_that_never_stop_do_not_keep_a_revoked_stream_open()
    {
        await using var stream = await OpenAsync();
        Callers.Revoked = true;
        using var stop = new CancellationTokenSource();
        var flood = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested) Hub.Publish(1, Event("wallet", 1, "more"));
        }, Ct);
        await AdvanceAsync(UserEventStream.ProofInterval);
        while (await stream.NextAsync() is not null)
        {
        }
        await stop.CancelAsync();
        await flood;
    }

    [Fact]
    public async Task A_stream_ends_when_it_is_old()
    {
        await using var stream = await OpenAsync();
        for (var age = TimeSpan.Zero; age <= UserEventStream.StreamAgeMax; age += UserEventStream.HeartbeatInterval) await AdvanceAsync(UserEventStream.HeartbeatInterval);
        while (await stream.NextAsync() is { } block) block.ShouldBeOneOf("retry: 1000", ": still here");
    }

    [Fact]
    public async Task A_user_has_so_many_streams_and_gets_places_back()
    {
        var streams = new List<EventReader>();
        for (var i = 0; i < UserEventHub.StreamsPerUserMax; i++) streams.Add(await OpenAsync());
        var refused = await SendAsync(HttpMethod.Get, "/api/v1/events");
        refused.ShouldBeRefused(HttpStatusCode.TooManyRequests, "events.too_many_streams");
        refused.Headers["Retry-After"].ShouldBe("15");
        await using (await OpenAsync(token: "user-2"))
        {
            Hub.OpenStreams.ShouldBe(UserEventHub.StreamsPerUserMax + 1);
        }
        foreach (var stream in streams) await stream.DisposeAsync();
        await Eventually.TrueAsync(() => Hub.OpenStreams == 0, "places were not given back");
        await using var again = await OpenAsync();
    }

    [Fact]
    public async Task Stopping_the_server_ends_its_streams_at_once()
    {
        await using var stream = await OpenAsync();
        await stream.NextAsync();
        await StopServerAsync();
        (await stream.NextAsync()).ShouldBeNull();
        Log.Entries.ShouldNotContain(entry => entry.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task A_source_that_fails_answers_with_a_document_and_not_with_half_a_stream()
    {
        _source.Fault = new InvalidOperationException("the database is away");
        (await SendAsync(HttpMethod.Get, "/api/v1/events")).ShouldBeRefused(HttpStatusCode.InternalServerError, "server.error");
        await Eventually.TrueAsync(() => Hub.OpenStreams == 0, "its place was not given back");
    }

    [Fact]
    public void A_slow_stream_loses_its_oldest_events_and_is_told()
    {
        var hub = new UserEventHub();
        using var subscription = hub.Subscribe(1)!;
        for (var i = 1; i <= UserEventHub.BacklogMax; i++) hub.Publish(1, Event("wallet", i, "x"));
        subscription.TakeLost().ShouldBeFalse();
        for (var i = 0; i < 10; i++) hub.Publish(1, Event("wallet", 1_000 + i, "x"));
        subscription.TakeLost().ShouldBeTrue();
        subscription.TakeLost().ShouldBeFalse();
        var left = new List<long>();
        while (subscription.Events.TryRead(out var next)) left.Add(next.At.ToUnixTimeMilliseconds());
        left.Count.ShouldBe(UserEventHub.BacklogMax);
        (left[0], left[^1]).ShouldBe((11, 1_009));
    }

    [Fact]
    public async Task What_a_slow_stream_lost_is_asked_for_again_from_where_it_stood()
    {
        _source.Missed = [Event("wallet", 7_000, "seen")];
        await using var stream = await OpenAsync();
        await stream.NextAsync();
        await stream.NextAsync();
        _source.Missed = [Event("generation", 8_000, "was lost")];
        _source.Gate = new TaskCompletionSource(); // holds the stream inside its next question, so that the backlog runs over
        Parallel.For(0, 1_000, i => Hub.Publish(1, Event("wallet", 9_000 + i, "x")));
        await Eventually.TrueAsync(() => _source.Asked.Count > 1, "the loss was not noticed");
        _source.Gate.SetResult();
        var blocks = new List<string?>();
        do blocks.Add(await stream.NextAsync());
        while (blocks[^1] is { } block && !block.Contains("was lost", StringComparison.Ordinal));
        blocks[^1].ShouldNotBeNull();
        _source.Asked[1]!.Value.ToUnixTimeMilliseconds().ShouldBeGreaterThanOrEqualTo(7_000);
    }

    [Fact]
    public async Task Places_are_counted_right_whoever_comes_and_goes_at_once()
    {
        var hub = new UserEventHub();
        var most = 0;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 500; i++)
            {
                using var subscription = hub.Subscribe(1);
                if (hub.OpenStreams is var open && open > most) most = open;
            }
        }, Ct)));
        most.ShouldBeInRange(1, UserEventHub.StreamsPerUserMax);
        hub.OpenStreams.ShouldBe(0);
    }

    private static UserEvent Event(string type, long milliseconds, string value) => new(type, DateTimeOffset.FromUnixTimeMilliseconds(milliseconds), Encoding.UTF8.GetBytes($$"""{"v":"{{value}}"}"""));

    /// <summary>In steps of a proof, waiting after each until the stream has seen it.</summary>
    private async Task AdvanceAsync(TimeSpan duration)
    {
        for (var step = TimeSpan.Zero; step < duration && Hub.OpenStreams > 0; step += UserEventStream.ProofInterval)
        {
            var asked = Volatile.Read(ref Callers.Asked);
            await Eventually.TrueAsync(() => Time.Timers > 0 || Hub.OpenStreams == 0, "no stream waits for the clock");
            Time.Advance(UserEventStream.ProofInterval);
            await Eventually.TrueAsync(() => Volatile.Read(ref Callers.Asked) > asked || Hub.OpenStreams == 0, "the stream did not look at its caller again");
        }
    }

    private async Task<EventReader> OpenAsync(string? lastEventId = null, string token = "user-1")
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/events") { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", token) } };
        if (lastEventId is not null) request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        var response = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Ct);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        return new EventReader(response, new StreamReader(await response.Content.ReadAsStreamAsync(Ct)));
    }

    private sealed class EventReader(HttpResponseMessage response, StreamReader reader) : IAsyncDisposable
    {
        /// <summary>The next block of lines; null at the end of the stream.</summary>
        public async Task<string?> NextAsync()
        {
            var lines = new List<string>();
            while (await Eventually.ResultAsync(reader.ReadLineAsync(Ct).AsTask(), "the stream said nothing") is { } line)
            {
                if (line.Length > 0) lines.Add(line);
                else if (lines.Count > 0) return string.Join('\n', lines);
            }
            return null;
        }

        public ValueTask DisposeAsync()
        {
            reader.Dispose();
            response.Dispose();
            return ValueTask.CompletedTask;
        }
    }

    private sealed class Source : IUserEventSource
    {
        private readonly Lock _lock = new();
        private readonly List<DateTimeOffset?> _asked = [];

        public IReadOnlyList<UserEvent> Missed { get; set; } = [];

        public Exception? Fault { get; set; }

        public TaskCompletionSource? Gate { get; set; }

        public IReadOnlyList<DateTimeOffset?> Asked
        {
            get
            {
                lock (_lock) return [.. _asked];
            }
        }

        public async Task<IReadOnlyList<UserEvent>> SinceAsync(long user, DateTimeOffset? since, CancellationToken cancellationToken)
        {
            lock (_lock) _asked.Add(since);
            if (Fault is { } fault) throw fault;
            if (Gate is { } gate) await gate.Task;
            return Missed;
        }
    }
}
