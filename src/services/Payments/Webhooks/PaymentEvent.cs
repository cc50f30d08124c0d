using System.Text.Json;
using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Payments.Orders;

namespace SkyRiff.Payments.Webhooks;

/// <summary>
/// What a provider tells, as the webhook's body: <c>{"type":"payment.succeeded","timestamp":"...","data":{"orderId":"...","amount":499,"currency":"USD"}}</c>.
/// Members that we do not know are passed over: senders add some.
/// </summary>
internal sealed record PaymentEvent(PaymentEventType Type, OrderId Order, Money Paid)
{
    private static readonly Dictionary<string, PaymentEventType> Types = new()
    {
        ["payment.succeeded"] = PaymentEventType.Succeeded,
        ["payment.failed"] = PaymentEventType.Failed,
        ["payment.refunded"] = PaymentEventType.Refunded,
    };

    public string Name => NameOf(Type);

    public static string NameOf(PaymentEventType type) => Types.First(pair => pair.Value == type).Key;

    /// <summary>The event; <see cref="Unknown"/> for a type that does not concern us; or why it cannot be used.</summary>
    public static Outcome<PaymentEvent> Parse(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = ApiJson.DepthMax });
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("type", out var typeName) || typeName.ValueKind != JsonValueKind.String) return Bad("a type");
            if (!Types.TryGetValue(typeName.GetString()!, out var type)) return Unknown;
            if (!json.RootElement.TryGetProperty("data", out var data) || data.ValueKind != JsonValueKind.Object) return Bad("data");
            if (!data.TryGetProperty("orderId", out var orderId) || orderId.ValueKind != JsonValueKind.String || !Kernel.Ids.TypedId.TryParse<OrderId>(orderId.GetString(), out var order)) return Bad("data.orderId, an id as a string");
            if (!data.TryGetProperty("amount", out var amount) || amount.ValueKind != JsonValueKind.Number || !amount.TryGetInt64(out var minorUnits)) return Bad("data.amount, whole minor units");
            if (!data.TryGetProperty("currency", out var currency) || currency.ValueKind != JsonValueKind.String) return Bad("data.currency, an ISO 4217 code");
            return new PaymentEvent(type, order, new Money(minorUnits, currency.GetString()!));
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: text with lone surrogates.
            return PaymentProblems.BadEvent.Because("The body is not valid JSON.");
        }
    }

    /// <summary>Stands for every type of event that does not concern orders.</summary>
    public static PaymentEvent Unknown { get; } = new(default, default, new Money(0, ""));

    private static Problem Bad(string missing) => PaymentProblems.BadEvent.Because($"The event lacks {missing}.");
}
