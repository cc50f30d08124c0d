using SkyRiff.Contracts;

namespace SkyRiff.Payments.Orders;

/// <summary>Minor units of an ISO 4217 currency: 499 USD cents.</summary>
internal sealed record Money(long Amount, string Currency);

internal sealed record Order(OrderId Id, UserId User, string Pack, long Credits, Money Price, string Provider, OrderStatus Status, DateTimeOffset CreatedAt);

/// <param name="CheckoutUrl">Where to pay; null when there is nothing to pay any more.</param>
internal sealed record OrderReply(OrderId Id, OrderStatus Status, string PackId, Money Price, long Credits, string? CheckoutUrl, DateTimeOffset CreatedAt)
{
    public static OrderReply Of(Order order, PaymentsOptions options) => new(
        order.Id, order.Status, order.Pack, order.Price, order.Credits,
        OrderProgress.IsPayable(order.Status) ? options.CheckoutUrl(order.Provider, order.Id) : null,
        order.CreatedAt);
}
