using SkyRiff.Contracts;
using SkyRiff.Payments.Orders;

namespace SkyRiff.Payments.Sandbox;

/// <summary>Somebody "paid" an order at the built-in provider; what its outbox event carries.</summary>
internal sealed record SandboxPayment(OrderId Order, Money Price)
{
    public const string Topic = "payments.sandbox_paid";
}
