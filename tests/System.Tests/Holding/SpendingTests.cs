using System.Net;
using Shouldly;
using SkyRiff.SystemTests.Kit;
using Xunit;

namespace SkyRiff.SystemTests.Holding;

/// <summary>Many at once at one wallet, and one order many times.</summary>
public sealed class SpendingTests
{
    private const int SendsPerKey = 8;

    /// <summary>With SKYRIFF_LONG=1 as many as the promise says.</summary>
    private static readonly int Keys = Environment.GetEnvironmentVariable("SKYRIFF_LONG") == "1" ? 1_000 : 60;

    [Fact]
    public async Task Of_50_parallel_orders_on_a_wallet_that_can_pay_for_one_exactly_one_is_accepted()
    {
        await using var stub = await StubProvider.StartAsync();
        await using var site = new ProgramSite([.. stub.Settings(), new("Payments:StarterCredits", "79")]); // a clip costs 40
        await site.StartAsync();
        using var person = await Person.RegisterAsync(site);

        var replies = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => person.OrderAsync("a race for the last credits", model: "stub-1")));

        replies.Count(reply => reply.Status is HttpStatusCode.Accepted).ShouldBe(1);
        var refused = replies.Where(reply => reply.Status is not HttpStatusCode.Accepted).ToList();
        refused.ShouldAllBe(reply => reply.Status == HttpStatusCode.PaymentRequired && reply.Code == "payments.insufficient_credits");
        var id = (string)replies.Single(reply => reply.Status is HttpStatusCode.Accepted).Json["id"]!;
        await Books.ShouldBeSettledOnceAsync(person, await person.EndOfAsync(id));
        (await person.WalletAsync()).ShouldBe((39, 0));
        stub.Creations("a race for the last credits").ShouldBe(1);
        (await site.SqlAsync("SELECT id FROM videos.generations")).Count.ShouldBe(1);
        await Books.ShouldBeCleanAsync(site);
    }

    [Fact]
    public async Task A_key_sent_eight_times_in_parallel_has_one_effect_and_one_reply_byte_for_byte()
    {
        await using var stub = await StubProvider.StartAsync();
        await using var site = new ProgramSite([.. stub.Settings(), new("Videos:OpenAiVideos:stub:ConcurrencyMax", "20")]);
        await site.StartAsync();
        using var person = await Person.RegisterAsync(site);
        stub.On("the same wish", new Script { Status = Faults.DoneWhen(() => false) }); // what is counted here is orders, not clips

        var generations = await SendAsync(key => person.OrderAsync("the same wish", key, "stub-1"), HttpStatusCode.Accepted);
        var orders = await SendAsync(key => person.SendAsync(HttpMethod.Post, "/api/v1/orders", new { packId = "small" }, key), HttpStatusCode.Created);

        (await site.SqlAsync("SELECT id FROM videos.generations")).Order().ShouldBe(generations.Order());
        (await site.SqlAsync("SELECT id FROM payments.orders")).Order().ShouldBe(orders.Order());
        (await person.WalletAsync()).Held.ShouldBe(Keys * 40);
        stub.Creations("the same wish").ShouldBeLessThanOrEqualTo(Keys);
        var (code, output) = await site.RunAsync("ledger", "verify");
        code.ShouldBe(0, output);

        var other = await person.OrderAsync("another wish", LastKey, "stub-1");
        (other.Status, other.Code).ShouldBe((HttpStatusCode.UnprocessableEntity, "request.idempotency_key_reused"));
    }

    [Fact]
    public async Task A_repeated_order_is_answered_as_before_although_its_model_is_gone()
    {
        await using var stub = await StubProvider.StartAsync();
        await using var site = new ProgramSite(stub.Settings());
        var program = await site.StartAsync();
        using var person = await Person.RegisterAsync(site);
        var first = await person.OrderAsync("a wish of yesterday", "key-of-yesterday", "stub-1");
        await Books.ShouldBeSettledOnceAsync(person, await person.EndOfAsync((string)first.Json["id"]!));
        (await program.StopAsync()).ShouldBe(0);

        var model = site.Settings.Single(setting => setting.Value == "stub-1").Key;
        site.Settings[model] = "stub-2";
        await site.StartAsync();
        var again = await person.OrderAsync("a wish of yesterday", "key-of-yesterday", "stub-1");
        (again.Status, again.Body.SequenceEqual(first.Body)).ShouldBe((first.Status, true), again.ToString());
        (await person.OrderAsync("a wish of today", model: "stub-1")).Status.ShouldBe(HttpStatusCode.UnprocessableEntity);
        stub.Creations("a wish of yesterday").ShouldBe(1);
    }

    private static string LastKey => Key(Keys - 1);

    private static string Key(int number) => $"key-{number.ToString(System.Globalization.CultureInfo.InvariantCulture)}-of-this-test";

    /// <summary>Every key eight times, all mixed up; answers the ids that came back, one per key.</summary>
    private static async Task<List<string>> SendAsync(Func<string, Task<Reply>> send, HttpStatusCode expected)
    {
        var random = new Random(1);
        var keys = Enumerable.Range(0, Keys * SendsPerKey).Select(i => Key(i / SendsPerKey)).OrderBy(key => key.GetHashCode(StringComparison.Ordinal) % 50).ThenBy(_ => random.Next()).ToList();
        var replies = await Task.WhenAll(keys.Select(async key => (Key: key, Reply: await PatientAsync(() => send(key)))));
        var ids = new List<string>();
        foreach (var same in replies.GroupBy(each => each.Key, each => each.Reply))
        {
            var first = same.First();
            first.Status.ShouldBe(expected, first.ToString());
            same.ShouldAllBe(reply => reply.Status == first.Status && reply.Body.SequenceEqual(first.Body));
            ids.Add((string)first.Json["id"]!);
        }
        ids.ShouldBeUnique();
        ids.Count.ShouldBe(Keys);
        return ids;
    }

    /// <summary>As a client does that is told to come again.</summary>
    private static async Task<Reply> PatientAsync(Func<Task<Reply>> send)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        for (var attempt = 0; ; attempt++)
        {
            var reply = await send();
            if (reply.Status is not HttpStatusCode.ServiceUnavailable || attempt == 100) return reply;
            await pause.WaitForNextTickAsync(CancellationToken.None);
        }
    }
}
