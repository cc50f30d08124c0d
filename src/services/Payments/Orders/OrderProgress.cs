namespace SkyRiff.Payments.Orders;

internal enum OrderStatus
{
    Pending,
    Failed,
    Paid,
    Refunded,
}

/// <summary>What a provider says happened to an order's payment.</summary>
internal enum PaymentEventType
{
    Failed,
    Succeeded,
    Refunded,
}

/// <summary>What an event does to the wallet.</summary>
internal enum OrderEffect
{
    None,
    GiveCredits,
    TakeCreditsBack,
}

/// <summary>
/// The life of an order, pure. Providers repeat themselves and their events overtake each other, so an order only ever moves to the right:
/// <code>
///   pending --> failed --> paid --> refunded
/// </code>
/// An attempt that failed may be followed by one that succeeds; a failure that arrives after the success was an earlier attempt's. Money that was returned before we
/// heard of its arrival gives nothing and takes nothing. Whatever the order of arrival, the end is the same.
/// </summary>
internal static class OrderProgress
{
    /// <summary>The status after the event, and what it does. The same status means that the event came late, or again.</summary>
    public static (OrderStatus Status, OrderEffect Effect) After(OrderStatus status, PaymentEventType what) => (status, what) switch
    {
        (OrderStatus.Pending, PaymentEventType.Failed) => (OrderStatus.Failed, OrderEffect.None),
        (OrderStatus.Pending or OrderStatus.Failed, PaymentEventType.Succeeded) => (OrderStatus.Paid, OrderEffect.GiveCredits),
        (OrderStatus.Pending or OrderStatus.Failed, PaymentEventType.Refunded) => (OrderStatus.Refunded, OrderEffect.None),
        (OrderStatus.Paid, PaymentEventType.Refunded) => (OrderStatus.Refunded, OrderEffect.TakeCreditsBack),
        _ => (status, OrderEffect.None),
    };

    public static bool IsPayable(OrderStatus status) => status is OrderStatus.Pending or OrderStatus.Failed;
}
