using System.Net;
using System.Text;
using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Payments;

public sealed class WebhookRoutesTests(SharedPostgres shared) : PaymentsApiTest(shared)
{
    private const long Small = 500;

    [Fact]
    public async Task A_payment_gives_the_orders_credits_and_tells_other_services()
    {
        var (user, order) = await NewOrderAsync();
        var reply = await DeliverAsync("d1", Event("succeeded", order));
        reply.ShouldBe(HttpStatusCode.OK);
        reply.Body.ShouldBe("""{"outcome":"applied"}""");
        (await BalanceAsync(user)).ShouldBe((StarterCredits + Small, 0));
        var shown = await GetAsync("/orders/" + order, user);
        shown.Text("status").ShouldBe("paid");
        shown.Json.GetProperty("checkoutUrl").GetString().ShouldBeNull();
    }

    [Fact]
    public async Task The_event_for_other_services_is_written_with_the_credits()
    {
        await Api.DisposeAsync(); // its relay would publish it
        await using var api = await StartApiAsync(background: false);
        var user = await NewWalletAsync();
        var order = (await PostAsync("/orders", user, """{"packId":"small"}""", "k", api)).Text("id");
        (await DeliverAsync("d1", Event("succeeded", order), api: api)).ShouldBe(HttpStatusCode.OK);
        (await AsSuperuserAsync("SELECT topic, payload FROM payments.outbox")).ShouldBe($$"""{{Topics.CreditsPurchased}}|{"user": "{{user}}", "order": "{{order}}", "credits": 500}""");
    }

    [Fact]
    public async Task Fifty_parallel_deliveries_pay_once()
    {
        var (user, order) = await NewOrderAsync();
        var same = Enumerable.Range(0, 25).Select(_ => DeliverAsync("same", Event("succeeded", order)));
        var different = Enumerable.Range(0, 25).Select(i => DeliverAsync("other-" + i, Event("succeeded", order)));
        var replies = await Task.WhenAll(same.Concat(different));
        replies.ShouldAllBe(reply => reply.Status == HttpStatusCode.OK);
        replies.Count(reply => reply.Body.Contains("applied")).ShouldBe(1);
        replies.Count(reply => reply.Body.Contains("repeated")).ShouldBe(24);
        (await BalanceAsync(user)).ShouldBe((StarterCredits + Small, 0));
    }

    [Fact]
    public async Task Late_and_overtaking_events_end_where_they_should()
    {
        var (user, order) = await NewOrderAsync();
        (await DeliverAsync("d1", Event("failed", order))).Text("outcome").ShouldBe("applied");
        (await GetAsync("/orders/" + order, user)).Text("status").ShouldBe("failed");
        (await DeliverAsync("d2", Event("succeeded", order))).Text("outcome").ShouldBe("applied");
        (await DeliverAsync("d3", Event("failed", order))).Text("outcome").ShouldBe("late");
        (await GetAsync("/orders/" + order, user)).Text("status").ShouldBe("paid");
        (await DeliverAsync("d4", Event("refunded", order))).Text("outcome").ShouldBe("applied");
        (await DeliverAsync("d5", Event("succeeded", order))).Text("outcome").ShouldBe("late");
        (await DeliverAsync("d2", Event("succeeded", order))).Text("outcome").ShouldBe("repeated");
        (await GetAsync("/orders/" + order, user)).Text("status").ShouldBe("refunded");
        (await BalanceAsync(user)).ShouldBe((StarterCredits, 0));
    }

    [Fact]
    public async Task A_refund_takes_back_what_is_left_and_never_more()
    {
        var (user, order) = await NewOrderAsync();
        await DeliverAsync("d1", Event("succeeded", order));
        await Credits.HoldAsync(user, await NewGenerationAsync(user), 650, Ct);
        await DeliverAsync("d2", Event("refunded", order));
        (await BalanceAsync(user)).ShouldBe((0, 650));
        (await Audit.VerifyAsync(Ct)).Shards[0].PlatformAccounts["sales"].ShouldBe(-(Small - 50));
    }

    [Fact]
    public async Task A_refund_that_overtakes_its_payment_gives_nothing_and_takes_nothing()
    {
        var (user, order) = await NewOrderAsync();
        await DeliverAsync("d1", Event("refunded", order));
        await DeliverAsync("d2", Event("succeeded", order));
        (await BalanceAsync(user)).ShouldBe((StarterCredits, 0));
    }

    [Fact]
    public async Task Forged_deliveries_change_nothing()
    {
        var (user, order) = await NewOrderAsync();
        var body = Event("succeeded", order);
        var attempts = new[]
        {
            await DeliverAsync("d1", body, secret: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            await DeliverAsync("d1", body, at: TimeProvider.System.GetUtcNow().AddMinutes(-6)),
            await DeliverAsync("d1", body, at: TimeProvider.System.GetUtcNow().AddMinutes(6)),
            await DeliverAsync("d1", body, tamper: request => request.Content = new StringContent(body.Replace("499", "500"), Encoding.UTF8, "application/json")),
            await DeliverAsync("d1", body, tamper: request => request.Content = new StringContent(body + " ", Encoding.UTF8, "application/json")),
            await DeliverAsync("d1", body, tamper: request => Replace(request, "webhook-id", "d2")),
            await DeliverAsync("d1", body, tamper: request => Replace(request, "webhook-timestamp", "1")),
            await DeliverAsync("d1", body, tamper: request => request.Headers.Remove("webhook-signature")),
            await DeliverAsync("d1", body, tamper: request => request.Headers.Remove("webhook-id")),
            await DeliverAsync("d1", body, tamper: request => request.Headers.Add("webhook-id", "d2")),
        };
        attempts.ShouldAllBe(reply => reply.Status == HttpStatusCode.BadRequest && reply.Text("code") == "payments.bad_signature");
        (await GetAsync("/orders/" + order, user)).Text("status").ShouldBe("pending");
        (await BalanceAsync(user)).ShouldBe((StarterCredits, 0));
    }

    [Fact]
    public async Task The_old_and_the_new_secret_are_both_good_while_one_replaces_the_other()
    {
        var (_, order) = await NewOrderAsync();
        (await DeliverAsync("d1", Event("failed", order), secret: ProviderSecret)).ShouldBe(HttpStatusCode.OK);
        (await DeliverAsync("d2", Event("succeeded", order), secret: ProviderNextSecret)).ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData(1, "USD")]
    [InlineData(499, "JPY")]
    [InlineData(-499, "USD")]
    [InlineData(long.MaxValue, "USD")]
    public async Task A_payment_of_another_price_is_refused(long amount, string currency)
    {
        var (user, order) = await NewOrderAsync();
        (await DeliverAsync("d1", Event("succeeded", order, amount, currency))).ShouldBeRefused(HttpStatusCode.UnprocessableEntity, "payments.price_mismatch");
        (await BalanceAsync(user)).ShouldBe((StarterCredits, 0));
        (await DeliverAsync("d1", Event("succeeded", order))).Text("outcome").ShouldBe("applied", "a refused delivery is not remembered: the provider may correct itself");
    }

    [Fact]
    public async Task One_provider_cannot_pay_anothers_orders()
    {
        var (_, order) = await NewOrderAsync();
        await using var other = await StartApiAsync(background: false, ("Payments:Providers:other:Secrets:0", ProviderSecret));
        (await DeliverAsync("d1", Event("succeeded", order), "other", api: other)).ShouldBeRefused(HttpStatusCode.NotFound, "payments.no_such_order");
    }

    [Theory]
    [InlineData("", HttpStatusCode.UnprocessableEntity)]
    [InlineData("null", HttpStatusCode.UnprocessableEntity)]
    [InlineData("[]", HttpStatusCode.UnprocessableEntity)]
    [InlineData("{", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"type":5}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"type":"payment.succeeded"}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"type":"payment.succeeded","data":[]}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"type":"payment.succeeded","data":{"orderId":5,"amount":1,"currency":"USD"}}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"type":"payment.succeeded","data":{"orderId":"05","amount":1,"currency":"USD"}}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"type":"payment.succeeded","data":{"orderId":"5","amount":1.5,"currency":"USD"}}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"type":"payment.succeeded","data":{"orderId":"5","amount":1e99,"currency":"USD"}}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"type":"payment.succeeded","data":{"orderId":"5","amount":1,"currency":null}}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"type":"\ud800"}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"type":"payment.succeeded","data":{"orderId":"\ud800","amount":1,"currency":"USD"}}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"type":"payment.succeeded","data":{"orderId":"5","amount":1,"currency":"\ud800"}}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"type":"payment.succeeded","data":{"orderId":"5","amount":1,"currency":"USD"}}""", HttpStatusCode.NotFound)]
    [InlineData("""{"type":"customer.created","data":{}}""", HttpStatusCode.OK)]
    public async Task Genuine_nonsense_gets_a_clear_answer(string body, HttpStatusCode status) => (await DeliverAsync("d1", body)).ShouldBe(status);

    [Fact]
    public async Task A_body_past_the_limit_is_refused_announced_or_not()
    {
        var large = new string(' ', 65 * 1024);
        (await DeliverAsync("d1", large)).ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        (await DeliverAsync("d1", large, tamper: request => request.Headers.TransferEncodingChunked = true)).ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        var padded = Event("succeeded", "5").PadRight(64 * 1024);
        (await DeliverAsync("d1", padded)).ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_transaction_that_dies_is_finished_by_the_providers_next_attempt()
    {
        var (user, order) = await NewOrderAsync();
        await AsSuperuserAsync("ALTER TABLE payments.outbox RENAME TO outbox_away");
        (await DeliverAsync("d1", Event("succeeded", order))).ShouldBe(HttpStatusCode.InternalServerError);
        (await GetAsync("/orders/" + order, user)).Text("status").ShouldBe("pending");
        (await BalanceAsync(user)).ShouldBe((StarterCredits, 0));
        await AsSuperuserAsync("ALTER TABLE payments.outbox_away RENAME TO outbox");
        (await DeliverAsync("d1", Event("succeeded", order))).Text("outcome").ShouldBe("applied");
        (await BalanceAsync(user)).ShouldBe((StarterCredits + Small, 0));
    }

    private static void Replace(HttpRequestMessage request, string header, string value)
    {
        request.Headers.Remove(header);
        request.Headers.Add(header, value);
    }

    private async Task<(UserId User, string Order)> NewOrderAsync()
    {
        var user = await NewWalletAsync();
        return (user, (await OrderAsync(user, "k")).Text("id"));
    }
}
