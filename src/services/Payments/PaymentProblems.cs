using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Payments;

/// <summary>The service's own refusals; append-only. Those of credits are in <see cref="Contracts.CreditProblems"/>.</summary>
internal static class PaymentProblems
{
    public static readonly ProblemCode NoSuchPack = new("payments.no_such_pack", ProblemCategory.Invalid, "No such credit pack");
    public static readonly ProblemCode NoProvider = new("payments.no_provider", ProblemCategory.Unavailable, "No payment provider is set up");
    public static readonly ProblemCode NoSuchOrder = new("payments.no_such_order", ProblemCategory.NotFound, "No such order");
    public static readonly ProblemCode NoSuchProvider = new("payments.no_such_provider", ProblemCategory.NotFound, "No such payment provider");
    public static readonly ProblemCode SandboxDisabled = new("payments.sandbox_disabled", ProblemCategory.NotFound, "There is no sandbox here");
    public static readonly ProblemCode OrderNotPayable = new("payments.order_not_payable", ProblemCategory.Conflict, "The order cannot be paid any more");
    public static readonly ProblemCode BadSignature = new("payments.bad_signature", ProblemCategory.Malformed, "The webhook's signature is not valid");
    public static readonly ProblemCode BadEvent = new("payments.bad_event", ProblemCategory.Invalid, "The webhook's event cannot be used");
    public static readonly ProblemCode PriceMismatch = new("payments.price_mismatch", ProblemCategory.Invalid, "The payment is not the order's price");
}
