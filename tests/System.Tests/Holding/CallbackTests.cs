using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Shouldly;
using SkyRiff.Http.Webhooks;
using SkyRiff.Kernel;
using SkyRiff.SystemTests.Kit;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Holding;

/// <summary>A provider that calls back, with polls so far apart that only a callback can be what woke one.</summary>
public sealed class CallbackTests : IAsyncLifetime
{
    private static readonly WebhookSecret Forger = WebhookSecret.Make(Entropy.System);
    private static readonly string SecretText = "whsec_" + Convert.ToBase64String(Enumerable.Repeat((byte)42, 32).ToArray());
    private static readonly WebhookSecret Secret = WebhookSecret.Parse(SecretText);

    private readonly HttpClient _http = new();
    private StubProvider _stub = null!;
    private ProgramSite _site = null!;
    private Person _person = null!;

    public async ValueTask InitializeAsync()
    {
        _stub = await StubProvider.StartAsync();
        _site = new ProgramSite([.. _stub.Settings(), new("Videos:OpenAiVideos:stub:PollInterval", "00:01:00"), new("Videos:OpenAiVideos:stub:WebhookSecrets:0", SecretText)]);
        await _site.StartAsync();
        _person = await Person.RegisterAsync(_site);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        _person.Dispose();
        await _site.DisposeAsync();
        await _stub.DisposeAsync();
    }

    [Fact]
    public async Task A_callback_only_wakes_the_poll_whether_it_is_true_forged_repeated_or_late()
    {
        var open = false;
        _stub.On("calls back", new Script { Status = Faults.DoneWhen(() => Volatile.Read(ref open)) });
        var id = await _person.GenerateAsync("calls back", "stub-1");
        await Eventually.TrueAsync(() => _stub.Videos.Any(video => video.Polls == 1), "the first poll was made");
        var video = _stub.Videos.Single();

        // Signed, but not true: it is looked at, and goes on.
        await AnsweredAsync(Secret, Completed(video.Id), "heard");
        await Eventually.TrueAsync(() => video.Polls == 2, "the callback woke the poll");
        (await _person.GenerationAsync(id))["status"]!.ToString().ShouldBe("running");

        // Forged, altered, stale, unsigned, to nobody, about nothing: refused, and nothing stirs.
        Volatile.Write(ref open, true);
        await RefusedAsync(await CallAsync(Forger, Completed(video.Id)), HttpStatusCode.BadRequest, "videos.bad_signature");
        await RefusedAsync(await CallAsync(Secret, Completed(video.Id), sent: Completed("video_0")), HttpStatusCode.BadRequest, "videos.bad_signature");
        await RefusedAsync(await CallAsync(Secret, Completed(video.Id), age: TimeSpan.FromHours(1)), HttpStatusCode.BadRequest, "videos.bad_signature");
        await RefusedAsync(await CallAsync(null, Completed(video.Id)), HttpStatusCode.BadRequest, "videos.bad_signature");
        await RefusedAsync(await CallAsync(Secret, Completed(video.Id), provider: "studio"), HttpStatusCode.NotFound, "videos.no_such_provider");
        await RefusedAsync(await CallAsync(Secret, "{\"type\":\"video.completed\"}"), HttpStatusCode.UnprocessableEntity, "videos.bad_event");
        await RefusedAsync(await CallAsync(Secret, "not json"), HttpStatusCode.UnprocessableEntity, "videos.bad_event");
        await RefusedAsync(await CallAsync(Secret, new string(' ', 70_000)), HttpStatusCode.RequestEntityTooLarge, "request.too_large");
        await AnsweredAsync(Secret, "{\"type\":\"batch.completed\"}", "ignored");
        await AnsweredAsync(Secret, Completed("video_0"), "late");
        video.Polls.ShouldBe(2);

        // True, and twice at once, under one id.
        var body = Completed(video.Id);
        foreach (var reply in await Task.WhenAll(CallAsync(Secret, body), CallAsync(Secret, body))) reply.StatusCode.ShouldBe(HttpStatusCode.OK);
        var end = await _person.EndOfAsync(id);
        ((string?)end["status"]).ShouldBe("ready", end.ToJsonString());

        // Late, and now a lie.
        await AnsweredAsync(Secret, $"{{\"type\":\"video.failed\",\"data\":{{\"id\":\"{video.Id}\"}}}}", "late");
        (await _person.GenerationAsync(id)).ToJsonString().ShouldBe(end.ToJsonString());
        await Books.ShouldBeSettledOnceAsync(_person, end);
        _stub.Creations("calls back").ShouldBe(1);
        await Books.ShouldBeCleanAsync(_site);
    }

    private static string Completed(string job) => $"{{\"type\":\"video.completed\",\"data\":{{\"id\":\"{job}\"}}}}";

    private async Task AnsweredAsync(WebhookSecret secret, string body, string outcome)
    {
        using var reply = await CallAsync(secret, body);
        var text = await reply.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        (reply.StatusCode, (string?)JsonNode.Parse(text)!["outcome"]).ShouldBe((HttpStatusCode.OK, outcome), text);
    }

    private static async Task RefusedAsync(HttpResponseMessage reply, HttpStatusCode status, string code)
    {
        var text = await reply.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        (reply.StatusCode, (string?)JsonNode.Parse(text)!["code"]).ShouldBe((status, code), text);
        reply.Dispose();
    }

    /// <param name="sent">What is sent, where it is not what was signed.</param>
    private async Task<HttpResponseMessage> CallAsync(WebhookSecret? secret, string body, string? sent = null, TimeSpan age = default, string provider = "stub")
    {
        var at = TimeProvider.System.GetUtcNow() - age;
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_site.Address, "/api/v1/webhooks/providers/" + provider)) { Content = new StringContent(sent ?? body, Encoding.UTF8, new MediaTypeHeaderValue("application/json")) };
        request.Headers.Add(StandardWebhook.IdHeader, "evt_1");
        request.Headers.Add(StandardWebhook.TimestampHeader, StandardWebhook.Stamp(at));
        if (secret is not null) request.Headers.Add(StandardWebhook.SignatureHeader, StandardWebhook.Sign(secret, "evt_1", at, Encoding.UTF8.GetBytes(body)));
        return await _http.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
