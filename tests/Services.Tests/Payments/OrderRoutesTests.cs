using System.Net;
using Shouldly;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Payments;

public sealed class OrderRoutesTests(SharedPostgres shared) : PaymentsApiTest(shared)
{
    [Fact]
    public async Task An_order_has_the_servers_price_and_credits_and_a_page_to_pay_at()
    {
        var user = await NewWalletAsync();
        var reply = await OrderAsync(user, "k1", "medium");
        reply.ShouldBe(HttpStatusCode.Created);
        var id = reply.Text("id");
        reply.Body.ShouldStartWith($$"""{"id":"{{id}}","status":"pending","packId":"medium","price":{"amount":999,"currency":"USD"},"credits":1200,"checkoutUrl":"https://pay.acme.example/checkout?order={{id}}","createdAt":""");
        (await GetAsync("/orders/" + id, user)).Body.ShouldBe(reply.Body);
        (await BalanceAsync(user)).ShouldBe((StarterCredits, 0));
    }

    [Theory]
    [InlineData("""{"packId":"small","credits":1000000}""", HttpStatusCode.UnprocessableEntity, "request.invalid")]
    [InlineData("""{"packId":"small","price":{"amount":1,"currency":"USD"}}""", HttpStatusCode.UnprocessableEntity, "request.invalid")]
    [InlineData("""{"packId":"small","status":"paid"}""", HttpStatusCode.UnprocessableEntity, "request.invalid")]
    [InlineData("""{"packId":"gratis"}""", HttpStatusCode.UnprocessableEntity, "payments.no_such_pack")]
    [InlineData("""{"packId":""}""", HttpStatusCode.UnprocessableEntity, "payments.no_such_pack")]
    [InlineData("""{"packId":null}""", HttpStatusCode.UnprocessableEntity, "request.invalid")]
    [InlineData("""{"packId":"small\u0000"}""", HttpStatusCode.UnprocessableEntity, "request.invalid")]
    [InlineData("""{"packId":5}""", HttpStatusCode.UnprocessableEntity, "request.invalid")]
    [InlineData("""{}""", HttpStatusCode.UnprocessableEntity, "request.invalid")]
    [InlineData("""{"packId":""", HttpStatusCode.BadRequest, "request.malformed_json")]
    public async Task What_an_order_is_not_made_of_is_refused_and_leaves_nothing(string body, HttpStatusCode status, string code)
    {
        var user = await NewUserAsync();
        (await PostAsync("/orders", user, body, "k")).ShouldBeRefused(status, code);
        (await CountAsync("orders")).ShouldBe(0);
        (await OrderAsync(user, "k")).ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task An_order_needs_a_key() =>
        (await PostAsync("/orders", await NewUserAsync(), """{"packId":"small"}""")).ShouldBeRefused(HttpStatusCode.BadRequest, "request.idempotency_key_needed");

    [Fact]
    public async Task A_key_is_good_for_one_request()
    {
        var user = await NewUserAsync();
        await OrderAsync(user, "k", "small");
        (await OrderAsync(user, "k", "large")).ShouldBeRefused(HttpStatusCode.UnprocessableEntity, "request.idempotency_key_reused");
        (await OrderAsync(await NewUserAsync(), "k", "large")).ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task A_thousand_keys_sent_eight_times_each_in_parallel_make_a_thousand_orders_with_byte_equal_replies()
    {
        const int Keys = 1_000, Times = 8;
        var users = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => NewUserAsync()));
        var replies = new Reply[Keys * Times];
        await Parallel.ForEachAsync(Enumerable.Range(0, replies.Length), new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Ct }, async (i, _) =>
        {
            var key = i / Times;
            replies[i] = await OrderAsync(users[key % users.Length], "key-" + key);
        });
        replies.ShouldAllBe(reply => reply.Status == HttpStatusCode.Created);
        replies.Select((reply, i) => (Key: i / Times, reply.Body)).Distinct().Count().ShouldBe(Keys);
        replies.Select(reply => reply.Body).Distinct().Count().ShouldBe(Keys);
        (await CountAsync("orders")).ShouldBe(Keys);
    }

    [Fact]
    public async Task Another_users_order_is_not_there()
    {
        var (owner, stranger) = (await NewUserAsync(), await NewUserAsync());
        var id = (await OrderAsync(owner, "k")).Text("id");
        (await GetAsync("/orders/" + id, stranger)).ShouldBeRefused(HttpStatusCode.NotFound, "payments.no_such_order");
        (await GetAsync("/orders", stranger)).Body.ShouldBe("""{"items":[],"nextCursor":null}""");
        foreach (var odd in new[] { "0", "-1", "x", "99999999999999999999", "01" }) (await GetAsync("/orders/" + odd, owner)).ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Orders_are_listed_newest_first_page_by_page()
    {
        var user = await NewUserAsync();
        var made = new List<string>();
        for (var i = 0; i < 5; i++) made.Add((await OrderAsync(user, "k" + i)).Text("id"));
        var first = await GetAsync("/orders?limit=3", user);
        var second = await GetAsync("/orders?limit=3&cursor=" + first.Text("nextCursor"), user);
        Ids(first).Concat(Ids(second)).ShouldBe(made.AsEnumerable().Reverse());
        second.Json.GetProperty("nextCursor").GetString().ShouldBeNull();
    }

    [Fact]
    public async Task Where_no_provider_is_set_up_nothing_can_be_ordered()
    {
        await using var api = await StartApiAsync(background: false, ("Payments:CheckoutProvider", "sandbox"), ("Payments:Sandbox:Enabled", "false"));
        var user = await NewUserAsync();
        (await PostAsync("/orders", user, """{"packId":"small"}""", "k", api)).ShouldBeRefused(HttpStatusCode.ServiceUnavailable, "payments.no_provider");
        (await PostAsync("/sandbox/payments/1/complete", user, api: api)).ShouldBeRefused(HttpStatusCode.NotFound, "payments.sandbox_disabled");
        (await PostAsync("/webhooks/payments/sandbox", null, "{}", api: api)).ShouldBeRefused(HttpStatusCode.NotFound, "payments.no_such_provider");
    }

    private static IEnumerable<string> Ids(Reply reply) => reply.Json.GetProperty("items").EnumerateArray().Select(order => order.GetProperty("id").GetString()!);
}
