using System.Net;
using Shouldly;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Payments;

public sealed class SandboxTests(SharedPostgres shared) : PaymentsApiTest(shared)
{
    protected override string CheckoutProvider => "sandbox";

    [Fact]
    public async Task Paying_at_the_sandbox_sends_a_real_webhook_and_answers_when_the_credits_are_there()
    {
        var user = await NewWalletAsync();
        var order = await OrderAsync(user, "k");
        order.Text("checkoutUrl").ShouldBe($"http://localhost:5080/sandbox/checkout/{order.Text("id")}");
        var paid = await PostAsync($"/sandbox/payments/{order.Text("id")}/complete", user);
        paid.ShouldBe(HttpStatusCode.OK);
        paid.Text("status").ShouldBe("paid");
        (await BalanceAsync(user)).ShouldBe((StarterCredits + 500, 0));
        (await AsSuperuserAsync("SELECT provider, webhook_id, event, outcome FROM payments.webhooks")).ShouldBe($"sandbox|sandbox_{order.Text("id")}_succeeded|payment.succeeded|applied");
    }

    [Fact]
    public async Task Paying_twenty_times_at_once_pays_once()
    {
        var user = await NewWalletAsync();
        var id = (await OrderAsync(user, "k")).Text("id");
        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => PostAsync($"/sandbox/payments/{id}/complete", user)));
        replies.ShouldAllBe(reply => reply.Status == HttpStatusCode.OK);
        await Eventually.TrueAsync(async () => await CountAsync("outbox") == 0, "every delivery was taken");
        (await BalanceAsync(user)).ShouldBe((StarterCredits + 500, 0));
    }

    [Fact]
    public async Task A_payment_survives_the_death_of_the_process_that_took_it()
    {
        var user = await NewWalletAsync();
        await Api.DisposeAsync();
        await using (var dying = await StartApiAsync(background: false, ("Payments:Sandbox:CompletionWait", "00:00:00")))
        {
            var id = (await PostAsync("/orders", user, """{"packId":"small"}""", "k", dying)).Text("id");
            var reply = await PostAsync($"/sandbox/payments/{id}/complete", user, api: dying);
            reply.ShouldBe(HttpStatusCode.Accepted);
            reply.Text("status").ShouldBe("pending");
        }
        (await BalanceAsync(user)).ShouldBe((StarterCredits, 0));

        await using var next = await StartApiAsync();
        await Eventually.TrueAsync(async () => await BalanceAsync(user) == (StarterCredits + 500, 0), "the next process delivered the webhook");
    }

    [Fact]
    public async Task A_webhook_that_is_refused_for_a_while_comes_again()
    {
        var user = await NewWalletAsync();
        await AsSuperuserAsync("ALTER TABLE payments.webhooks RENAME TO webhooks_away");
        var id = (await OrderAsync(user, "k")).Text("id");
        var paying = PostAsync($"/sandbox/payments/{id}/complete", user);
        await Eventually.TrueAsync(async () => await CountAsync("outbox WHERE last_error LIKE '%answered with 500%'") == 1, "a delivery was refused");
        await AsSuperuserAsync("ALTER TABLE payments.webhooks_away RENAME TO webhooks");
        (await paying).Text("status").ShouldBe("paid");
    }

    [Fact]
    public async Task Only_the_owner_pays_and_only_what_is_there()
    {
        var (owner, stranger) = (await NewWalletAsync(), await NewWalletAsync());
        var id = (await OrderAsync(owner, "k")).Text("id");
        (await PostAsync($"/sandbox/payments/{id}/complete", stranger)).ShouldBeRefused(HttpStatusCode.NotFound, "payments.no_such_order");
        (await PostAsync($"/sandbox/payments/{id}/complete", null)).ShouldBeRefused(HttpStatusCode.Unauthorized, "auth.unauthenticated");
        (await PostAsync("/sandbox/payments/7/complete", owner)).ShouldBeRefused(HttpStatusCode.NotFound, "payments.no_such_order");
        (await PostAsync("/sandbox/payments/x/complete", owner)).ShouldBe(HttpStatusCode.NotFound);
        (await GetAsync("/orders/" + id, owner)).Text("status").ShouldBe("pending");
    }

    [Fact]
    public async Task The_sandboxs_secret_is_nobody_elses()
    {
        var user = await NewWalletAsync();
        var id = (await OrderAsync(user, "k")).Text("id");
        (await DeliverAsync("d1", Event("succeeded", id), provider: "sandbox", secret: ProviderSecret)).ShouldBeRefused(HttpStatusCode.BadRequest, "payments.bad_signature");
    }
}
