using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Http.Webhooks;
using SkyRiff.Payments;
using SkyRiff.Testing;

namespace SkyRiff.Services.Tests.Payments;

/// <summary>Payments over HTTP, with the sandbox and a foreign provider set up.</summary>
public abstract class PaymentsApiTest(SharedPostgres shared) : PaymentsTest(shared)
{
    protected const string ProviderSecret = "whsec_cGF5bWVudHMtdGVzdHMtc2VjcmV0LW51bWJlci1vbmU=";
    protected const string ProviderNextSecret = "whsec_cGF5bWVudHMtdGVzdHMtc2VjcmV0LW51bWJlci10d28=";

    protected static readonly Dictionary<string, string?> Settings = new()
    {
        ["Payments:Sandbox:Enabled"] = "true",
        ["Payments:Sandbox:CompletionWait"] = "00:00:10",
        ["Payments:Providers:acme:CheckoutUrl"] = "https://pay.acme.example/checkout?order={order}",
        ["Payments:Providers:acme:Secrets:0"] = ProviderSecret,
        ["Payments:Providers:acme:Secrets:1"] = ProviderNextSecret,
    };

    private protected TestApi Api { get; private set; } = null!;

    /// <summary>Orders are paid at the foreign provider unless a test says otherwise: the sandbox would pay them by itself.</summary>
    protected virtual string CheckoutProvider => "acme";

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Api = await StartApiAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await Api.DisposeAsync();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected Task<TestApi> StartApiAsync(bool background = true, params (string Key, string Value)[] more)
    {
        var settings = new Dictionary<string, string?>(Settings) { ["Payments:CheckoutProvider"] = CheckoutProvider };
        foreach (var (key, value) in more) settings[key] = value;
        return TestApi.StartAsync(Map, new PaymentsModule(), settings, background);
    }

    private protected Task<Reply> GetAsync(string path, UserId? user = null) => SendAsync(HttpMethod.Get, path, user);

    private protected Task<Reply> OrderAsync(UserId user, string key, string pack = "small") => PostAsync("/orders", user, $$"""{"packId":"{{pack}}"}""", key);

    private protected Task<Reply> PostAsync(string path, UserId? user, string? body = null, string? key = null, TestApi? api = null) => SendAsync(HttpMethod.Post, path, user, request =>
    {
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        if (key is not null) request.Headers.Add("Idempotency-Key", key);
    }, api);

    /// <summary>A delivery as the provider makes it; <paramref name="tamper"/> comes after signing.</summary>
    private protected Task<Reply> DeliverAsync(
        string webhookId, string body, string provider = "acme", string secret = ProviderSecret, DateTimeOffset? at = null, Action<HttpRequestMessage>? tamper = null, TestApi? api = null) =>
        SendAsync(HttpMethod.Post, "/webhooks/payments/" + provider, null, request =>
        {
            var time = at ?? TimeProvider.System.GetUtcNow();
            var bytes = Encoding.UTF8.GetBytes(body);
            request.Content = new ByteArrayContent(bytes) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
            request.Headers.Add("webhook-id", webhookId);
            request.Headers.Add("webhook-timestamp", StandardWebhook.Stamp(time));
            request.Headers.Add("webhook-signature", StandardWebhook.Sign(WebhookSecret.Parse(secret), webhookId, time, bytes));
            tamper?.Invoke(request);
        }, api);

    private protected static string Event(string type, string order, long amount = 499, string currency = "USD") =>
        $$"""{"type":"payment.{{type}}","timestamp":"2026-11-20T10:00:00Z","data":{"orderId":"{{order}}","amount":{{amount}},"currency":"{{currency}}","card":"visa"},"extra":1}""";

    private async Task<Reply> SendAsync(HttpMethod method, string path, UserId? user, Action<HttpRequestMessage>? prepare = null, TestApi? api = null)
    {
        using var request = new HttpRequestMessage(method, "/api/v1" + path);
        if (user is { } caller) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", caller.ToString());
        prepare?.Invoke(request);
        using var response = await (api ?? Api).Client.SendAsync(request, Ct);
        return new Reply(response.StatusCode, await response.Content.ReadAsStringAsync(Ct));
    }

    private protected sealed record Reply(HttpStatusCode Status, string Body)
    {
        public JsonElement Json
        {
            get
            {
                using var document = JsonDocument.Parse(Body);
                return document.RootElement.Clone();
            }
        }

        public string Text(string member) => Json.GetProperty(member).GetString()!;

        public void ShouldBe(HttpStatusCode status) => Status.ShouldBe(status, Body);

        public void ShouldBeRefused(HttpStatusCode status, string code)
        {
            Status.ShouldBe(status, Body);
            Text("code").ShouldBe(code);
        }
    }
}
