using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using SkyRiff.Data;
using SkyRiff.Http.Webhooks;
using SkyRiff.Http;
using SkyRiff.Payments.Orders;
using SkyRiff.Payments.Webhooks;

namespace SkyRiff.Payments.Sandbox;

/// <summary>
/// The built-in payment provider's sending side: a signed webhook over HTTP, to this program's own address, exactly as a foreign provider would send it.
/// The outbox repeats it until it was taken; the webhook's id is the order's, so repetitions are known for what they are.
/// </summary>
internal sealed class SandboxProvider : IEventConsumer, IDisposable
{
    private static readonly TimeSpan DeliveryTimeout = TimeSpan.FromSeconds(10);

    private readonly PaymentProviders _providers;
    private readonly SandboxOptions _options;
    private readonly TimeProvider _time;
    private readonly IServer? _server;
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { Timeout = DeliveryTimeout };

    public SandboxProvider(PaymentProviders providers, PaymentsOptions options, TimeProvider time, IServiceProvider services) =>
        (_providers, _options, _time, _server) = (providers, options.Sandbox, time, services.GetService<IServer>());

    public string Name => "payments.sandbox_provider";

    public IReadOnlySet<string> Topics { get; } = new HashSet<string> { SandboxPayment.Topic };

    public async Task HandleAsync(EventEnvelope envelope, CancellationToken cancellationToken)
    {
        OpenTransaction.Forbid("The sandbox's webhook");
        if (!_options.Enabled) return;
        using var request = Webhook(EventJson.Read<SandboxPayment>(envelope));
        using var response = await _http.SendAsync(request, cancellationToken);
        if (!response.IsSuccessStatusCode) throw new HttpRequestException($"The sandbox's webhook was answered with {(int)response.StatusCode}.", null, response.StatusCode);
    }

    public void Dispose() => _http.Dispose();

    private HttpRequestMessage Webhook(SandboxPayment payment)
    {
        var now = _time.GetUtcNow();
        var id = string.Create(CultureInfo.InvariantCulture, $"sandbox_{payment.Order.Value}_succeeded");
        var body = ApiJson.Bytes(new
        {
            Type = PaymentEvent.NameOf(PaymentEventType.Succeeded),
            Timestamp = now,
            Data = new { OrderId = payment.Order, payment.Price.Amount, payment.Price.Currency },
        });
        return new HttpRequestMessage(HttpMethod.Post, new Uri(BaseAddress(), $"{ApiRoutes.Prefix}/webhooks/payments/{SandboxOptions.Provider}"))
        {
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
            Headers =
            {
                { StandardWebhook.IdHeader, id },
                { StandardWebhook.TimestampHeader, StandardWebhook.Stamp(now) },
                { StandardWebhook.SignatureHeader, StandardWebhook.Sign(_providers.SandboxSecret, id, now, body) },
            },
        };
    }

    /// <summary>As configured, else the first address that this process listens on (known only once it does, hence asked for each time).</summary>
    private Uri BaseAddress()
    {
        if (_options.WebhookBaseUrl.Length > 0) return new Uri(_options.WebhookBaseUrl);
        var own = _server?.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault(address => address.StartsWith("http://"))
            ?? throw new InvalidOperationException("Payments:Sandbox:WebhookBaseUrl is empty, and this process listens on no http address (yet).");
        var listening = BindingAddress.Parse(own);
        var everywhere = listening.Host is "*" or "+" || (IPAddress.TryParse(listening.Host, out var ip) && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any)));
        return new UriBuilder(Uri.UriSchemeHttp, everywhere ? IPAddress.Loopback.ToString() : listening.Host, listening.Port).Uri;
    }
}
