using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Payments;

public sealed class WalletRoutesTests(SharedPostgres shared) : PaymentsApiTest(shared)
{
    [Fact]
    public async Task A_wallet_shows_what_can_be_spent_what_is_held_and_what_was_earned()
    {
        var user = await NewWalletAsync();
        await Credits.HoldAsync(user, await NewGenerationAsync(user), 40, Ct);
        (await GetAsync("/wallet", user)).Body.ShouldBe("""{"credits":160,"held":40,"coins":0}""");
    }

    [Fact]
    public async Task A_wallet_that_is_not_open_yet_is_empty() => (await GetAsync("/wallet", await NewUserAsync())).Body.ShouldBe("""{"credits":0,"held":0,"coins":0}""");

    [Fact]
    public async Task Wallets_and_orders_are_for_those_who_sign_in_what_is_for_sale_is_for_all()
    {
        foreach (var path in new[] { "/wallet", "/wallet/transfers", "/orders", "/orders/1" }) (await GetAsync(path)).ShouldBeRefused(HttpStatusCode.Unauthorized, "auth.unauthenticated");
        foreach (var path in new[] { "/credit-packs", "/plans" }) (await GetAsync(path)).ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Transfers_are_listed_newest_first_with_the_balance_after_each()
    {
        var user = await NewWalletAsync();
        var generation = await NewGenerationAsync(user);
        await Credits.HoldAsync(user, generation, 40, Ct);
        await Credits.CaptureAsync(user, generation, Ct);
        var items = (await GetAsync("/wallet/transfers", user)).Json.GetProperty("items").EnumerateArray().ToList();
        items.Select(Line).ShouldBe([
            $"capture held -40 {generation} 0",
            $"hold held 40 {generation} 40",
            $"hold credits -40 {generation} 160",
            $"starter credits 200 {user} 200",
        ]);
        var times = items.Select(item => item.GetProperty("createdAt").GetDateTimeOffset()).ToList();
        times.ShouldBe(times.OrderDescending());
        (TimeProvider.System.GetUtcNow() - times[0]).Duration().ShouldBeLessThan(TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_ledger_is_read_page_by_page_without_gaps_or_repetitions_while_it_grows()
    {
        var user = await NewWalletAsync();
        for (var i = 0; i < 12; i++) await Credits.HoldAsync(user, await NewGenerationAsync(user), i + 1, Ct);
        var (seen, cursor) = (new List<string>(), "");
        do
        {
            var page = await GetAsync($"/wallet/transfers?limit=7{cursor}", user);
            page.ShouldBe(HttpStatusCode.OK);
            seen.AddRange(page.Json.GetProperty("items").EnumerateArray().Select(Line));
            await Credits.HoldAsync(user, await NewGenerationAsync(user), 1, Ct);
            cursor = page.Json.GetProperty("nextCursor").GetString() is { } next ? "&cursor=" + next : "";
        }
        while (cursor.Length > 0);
        seen.Count.ShouldBe(1 + (2 * 12));
        seen.Distinct().Count().ShouldBe(seen.Count);
        seen[^1].ShouldStartWith("starter");
    }

    [Theory]
    [InlineData("cursor=AAAA")]
    [InlineData("cursor=")]
    [InlineData("cursor=5")]
    [InlineData("cursor=%00")]
    [InlineData("cursor=a&cursor=b")]
    public async Task A_cursor_that_we_did_not_make_is_refused(string query) =>
        (await GetAsync("/wallet/transfers?" + query, await NewWalletAsync())).ShouldBeRefused(HttpStatusCode.BadRequest, "request.malformed_cursor");

    [Fact]
    public async Task A_cursor_is_good_for_its_own_list_unchanged()
    {
        var user = await NewWalletAsync();
        await Credits.HoldAsync(user, await NewGenerationAsync(user), 1, Ct);
        var cursor = (await GetAsync("/wallet/transfers?limit=1", user)).Text("nextCursor");
        (await GetAsync("/wallet/transfers?cursor=" + cursor, user)).ShouldBe(HttpStatusCode.OK);
        (await GetAsync("/orders?cursor=" + cursor, user)).ShouldBeRefused(HttpStatusCode.BadRequest, "request.malformed_cursor");
        for (var i = 0; i < cursor.Length; i += 5)
        {
            var changed = string.Concat(cursor.AsSpan(0, i), cursor[i] == 'x' ? "y" : "x", cursor.AsSpan(i + 1));
            (await GetAsync("/wallet/transfers?cursor=" + changed, user)).ShouldBeRefused(HttpStatusCode.BadRequest, "request.malformed_cursor");
        }
    }

    [Theory]
    [InlineData("0")]
    [InlineData("101")]
    [InlineData("-1")]
    [InlineData("x")]
    [InlineData("99999999999999999999")]
    public async Task A_limit_is_a_number_from_1_to_100(string limit) =>
        (await GetAsync("/wallet/transfers?limit=" + limit, await NewWalletAsync())).ShouldBeRefused(HttpStatusCode.UnprocessableEntity, "request.invalid");

    [Fact]
    public async Task Packs_and_plans_are_the_operators()
    {
        (await GetAsync("/credit-packs")).Body.ShouldStartWith("""{"items":[{"id":"small","name":"Small","credits":500,"price":{"amount":499,"currency":"USD"}},""");
        (await GetAsync("/plans")).Json.GetProperty("items").EnumerateArray().Select(plan => plan.GetProperty("id").GetString()).ShouldBe(["free", "monthly-card"]);
    }

    [Fact]
    public async Task Without_a_subscription_the_free_plan_says_what_is_allowed() =>
        (await Services.GetRequiredService<IEntitlements>().OfAsync(await NewUserAsync(), Ct)).ShouldBe(new Entitlements("free", 10, 3, 0));

    [Fact]
    public async Task Each_movement_is_told_to_the_users_open_pages_and_repetitions_are_not()
    {
        var user = await NewUserAsync();
        using var stream = Services.GetRequiredService<UserEventHub>().Subscribe(user.Value)!;
        var generation = await NewGenerationAsync(user);
        await Credits.OpenWalletAsync(user, Ct);
        await Credits.OpenWalletAsync(user, Ct);
        await Credits.HoldAsync(user, generation, 50, Ct);
        await Credits.HoldAsync(user, generation, 50, Ct);
        await Credits.HoldAsync(user, await NewGenerationAsync(user), 5_000, Ct);
        await Credits.ReleaseAsync(user, generation, Ct);
        await Credits.ReleaseAsync(user, generation, Ct);

        var told = new List<UserEvent>();
        while (stream.Events.TryRead(out var next)) told.Add(next);
        told.ShouldAllBe(what => what.Type == "wallet");
        told.Select(what => System.Text.Encoding.UTF8.GetString(what.Data.Span)).ShouldBe([
            """{"credits":200,"held":0,"coins":0}""", """{"credits":150,"held":50,"coins":0}""", """{"credits":200,"held":0,"coins":0}"""]);

        var source = Services.GetRequiredService<IUserEventSource>();
        (await source.SinceAsync(user.Value, null, Ct)).Single().Data.ToArray().ShouldBe(told[^1].Data.ToArray());
        (await source.SinceAsync(user.Value, told[0].At, Ct)).Single().At.ShouldBe(told[^1].At);
        (await source.SinceAsync(user.Value, told[^1].At, Ct)).ShouldBeEmpty();
        (await source.SinceAsync((await NewUserAsync()).Value, null, Ct)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_registration_opens_the_wallet_even_if_the_event_comes_twice()
    {
        var user = await NewUserAsync();
        var consumer = Api.Services.GetServices<IEventConsumer>().Single(consumer => consumer.Topics.Contains(Topics.UserRegistered));
        var payload = $$"""{"user":"{{user}}","handle":"ann","aMemberOfTheFuture":1}""";
        await consumer.HandleAsync(new EventEnvelope(1, Topics.UserRegistered, user.Value, payload, null), Ct);
        await consumer.HandleAsync(new EventEnvelope(1, Topics.UserRegistered, user.Value, payload, null), Ct);
        (await BalanceAsync(user)).ShouldBe((StarterCredits, 0));
    }

    private static string Line(JsonElement item) =>
        $"{item.GetProperty("kind")} {item.GetProperty("account")} {item.GetProperty("amount")} {item.GetProperty("reference")} {item.GetProperty("balanceAfter")}";
}
