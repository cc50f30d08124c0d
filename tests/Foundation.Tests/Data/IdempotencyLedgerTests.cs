using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Shouldly;
using SkyRiff.Data;
using SkyRiff.Kernel.Idempotency;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

public sealed class IdempotencyLedgerTests(SharedPostgres shared) : DataTest(shared)
{
    [Fact]
    public async Task A_thousand_keys_sent_eight_times_each_have_a_thousand_effects_and_one_reply_each()
    {
        var replies = new ConcurrentDictionary<string, ConcurrentBag<string>>();
        var requests = Enumerable.Range(0, 8).SelectMany(_ => Enumerable.Range(0, 1_000)).ToArray();
        new Random(7).Shuffle(requests);

        await Parallel.ForEachAsync(requests, new ParallelOptions { MaxDegreeOfParallelism = 24 }, async (number, _) =>
        {
            var key = Key($"key {number}", "the same body");
            var reply = await On(async session =>
            {
                switch (await IdempotencyLedger.ClaimAsync(session, owner: 1, key, Ct))
                {
                    case IdempotencyClaim.Replay replay:
                        return replay.Reply;
                    case IdempotencyClaim.Fresh:
                        var id = await session.SingleAsync($"INSERT INTO things.things (id, name) VALUES (skyriff.next_id(0), {key.Key}) RETURNING id", row => row.Long(0), Ct);
                        return await IdempotencyLedger.StoreAsync(session, 1, key, new StoredReply(201, Encoding.UTF8.GetBytes($$"""{"id":"{{id}}","nonce":"{{Guid.NewGuid()}}"}""")), Ct);
                    case var other:
                        throw new InvalidOperationException($"{other} for {key.Key}");
                }
            });
            reply.Status.ShouldBe(201);
            replies.GetOrAdd(key.Key, _ => []).Add(Encoding.UTF8.GetString(reply.Body.Span));
        });

        (await CountAsync("things")).ShouldBe(1_000);
        replies.Count.ShouldBe(1_000);
        replies.Values.ShouldAllBe(bag => bag.Count == 8 && bag.Distinct().Count() == 1);
    }

    [Fact]
    public async Task The_same_key_with_another_body_is_a_mismatch()
    {
        await On(session => IdempotencyLedger.ClaimAsync(session, 1, Key("k", "one"), Ct));

        (await On(session => IdempotencyLedger.ClaimAsync(session, 1, Key("k", "two"), Ct))).ShouldBeOfType<IdempotencyClaim.Mismatch>();
    }

    [Fact]
    public async Task The_same_key_of_another_owner_is_fresh()
    {
        await On(session => IdempotencyLedger.ClaimAsync(session, 1, Key("k", "one"), Ct));

        (await On(session => IdempotencyLedger.ClaimAsync(session, 2, Key("k", "two"), Ct))).ShouldBeOfType<IdempotencyClaim.Fresh>();
    }

    [Fact]
    public async Task A_claim_that_was_rolled_back_leaves_the_key_fresh()
    {
        await Should.ThrowAsync<InvalidOperationException>(() => On(async session =>
        {
            await IdempotencyLedger.ClaimAsync(session, 1, Key("k", "one"), Ct);
            throw new InvalidOperationException("crash");
        }));

        (await On(session => IdempotencyLedger.ClaimAsync(session, 1, Key("k", "one"), Ct))).ShouldBeOfType<IdempotencyClaim.Fresh>();
    }

    [Fact]
    public async Task A_claim_without_a_reply_is_pending_and_of_all_who_finish_it_the_first_reply_stands()
    {
        var key = Key("k", "one");
        await On(session => IdempotencyLedger.ClaimAsync(session, 1, key, Ct));
        (await On(session => IdempotencyLedger.ClaimAsync(session, 1, key, Ct))).ShouldBeOfType<IdempotencyClaim.Pending>();

        var sent = await Task.WhenAll(Enumerable.Range(0, 8).Select(helper =>
            On(session => IdempotencyLedger.StoreAsync(session, 1, key, new StoredReply(200 + helper, new[] { (byte)helper }), Ct))));

        sent.Select(reply => (reply.Status, reply.Body.Span[0])).Distinct().ShouldHaveSingleItem();
        var replay = (await On(session => IdempotencyLedger.ClaimAsync(session, 1, key, Ct))).ShouldBeOfType<IdempotencyClaim.Replay>();
        replay.Reply.Body.ToArray().ShouldBe(sent[0].Body.ToArray());
    }

    private static IdempotencyKey Key(string key, string body) => new(key, SHA256.HashData(Encoding.UTF8.GetBytes(body)));
}
