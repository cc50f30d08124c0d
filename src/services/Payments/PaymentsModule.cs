using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Idempotency;
using SkyRiff.Payments.Ledger;
using SkyRiff.Payments.Orders;
using SkyRiff.Payments.Plans;
using SkyRiff.Payments.Sandbox;
using SkyRiff.Payments.Wallets;
using SkyRiff.Payments.Webhooks;

namespace SkyRiff.Payments;

/// <summary>
/// Wallets, the ledger, and what is sold. Implements <see cref="ICredits"/>, <see cref="IEntitlements"/> and <see cref="ILedgerAudit"/>.
/// Expects <see cref="ShardMap"/>, <see cref="Wakeups"/>, <see cref="IEventPublisher"/>, <see cref="UserEventHub"/>, <see cref="Kernel.Entropy"/> and <see cref="TimeProvider"/> among the services.
/// </summary>
public sealed class PaymentsModule : Module
{
    public override string Name => "payments";

    public override void Register(IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptionsOf<PaymentsOptions>(configuration, PaymentsOptions.Section, payments => payments.Validate());
        services.AddSingleton<PaymentsDatabase>();
        services.AddSingleton<LedgerStore>();
        services.AddSingleton<WalletEvents>();
        services.AddSingleton<IUserEventSource>(provider => provider.GetRequiredService<WalletEvents>());
        services.AddSingleton<ICredits, Credits>();
        services.AddSingleton<IEntitlements, PlanEntitlements>();
        services.AddSingleton<ILedgerAudit, LedgerVerifier>();
        services.AddSingleton<PaymentProviders>();
        services.AddSingleton<ReceivePaymentWebhook>();
    }

    public override void Http(ApiRoutes api)
    {
        api.Get<ShowWallet, WalletReply>("/wallet").Says("The caller's balances.");
        api.Get<ListTransfers, ListReply<TransferReply>>("/wallet/transfers")
            .Says("The caller's ledger, newest first. A hold and a release are two lines: one per account they touch.")
            .Takes(Paging)
            .Refuses(HttpProblems.MalformedCursor, HttpProblems.Invalid);
        api.Get<ListCreditPacks, ListReply<CreditPackReply>>("/credit-packs").Open().Says("Credit packs for sale.");
        api.Get<ListPlans, ListReply<PlanReply>>("/plans").Open().Says("Plans and what they allow.");

        api.Post<CreateOrder, CreateOrderRequest, StoredReply>("/orders").Idempotent().Replies<OrderReply>(201)
            .Says("Orders a credit pack; the credits come when it is paid at checkoutUrl.")
            .Refuses(PaymentProblems.NoSuchPack, PaymentProblems.NoProvider, HttpProblems.IdempotencyKeyReused);
        api.Get<ListOrders, ListReply<OrderReply>>("/orders").Says("The caller's orders, newest first.").Takes(Paging).Refuses(HttpProblems.MalformedCursor, HttpProblems.Invalid);
        api.Get<ShowOrder, OrderReply>("/orders/{id}").Says("One of the caller's orders.").Refuses(PaymentProblems.NoSuchOrder, HttpProblems.NotFound);

        api.Raw("POST", "/webhooks/payments/{provider}", (call, token) => call.Http.RequestServices.GetRequiredService<ReceivePaymentWebhook>().HandleAsync(call, token))
            .Anonymous().TakesRaw("application/json").BodyMax(ReceivePaymentWebhook.BodyBytesMax).Replies<WebhookReply>()
            .Says("A payment provider's event, signed by the Standard Webhooks specification.")
            .Refuses(PaymentProblems.NoSuchProvider, PaymentProblems.BadSignature, PaymentProblems.BadEvent, PaymentProblems.NoSuchOrder, PaymentProblems.PriceMismatch, HttpProblems.TooLarge);
        api.Post<CompleteSandboxPayment, StoredReply>("/sandbox/payments/{orderId}/complete").Replies<OrderReply>()
            .Says("Where the sandbox provider is enabled: has it send its webhook for one of the caller's orders. 202 while the webhook is still on its way.")
            .Refuses(PaymentProblems.SandboxDisabled, PaymentProblems.NoSuchOrder, PaymentProblems.OrderNotPayable, HttpProblems.NotFound);
    }

    public override void Loops(IServiceCollection services) => services.AddDataLoops<PaymentsDatabase>();

    public override void Consumers(IServiceCollection services)
    {
        services.AddSingleton<IEventConsumer, OpenWalletOnRegistration>();
        services.AddSingleton<IEventConsumer, SandboxProvider>();
    }

    private static (string Name, string Description)[] Paging =>
    [
        ("limit", "How many, 1 to 100; 20 if not given."),
        ("cursor", "The nextCursor of the page before."),
    ];
}
