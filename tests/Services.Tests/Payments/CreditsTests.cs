using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Kernel.Ids;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Payments;

public sealed class CreditsTests(SharedPostgres shared) : PaymentsTest(shared)
{
    [Fact]
    public async Task A_wallet_is_opened_once_with_the_starter_grant_however_often_and_by_however_many()
    {
        var user = await NewUserAsync();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Credits.OpenWalletAsync(user, Ct)));
        (await BalanceAsync(user)).ShouldBe((StarterCredits, 0));
        (await CountAsync("transfers")).ShouldBe(1);
    }

    [Fact]
    public async Task A_hold_moves_credits_aside_and_a_capture_spends_them()
    {
        var user = await NewWalletAsync();
        var generation = await NewGenerationAsync(user);
        (await Credits.HoldAsync(user, generation, 60, Ct)).Value.ShouldBe(new Hold(HoldState.Held, 60));
        (await BalanceAsync(user)).ShouldBe((140, 60));
        (await Credits.CaptureAsync(user, generation, Ct)).ShouldBe(new Hold(HoldState.Captured, 60));
        (await BalanceAsync(user)).ShouldBe((140, 0));
    }

    [Fact]
    public async Task A_release_gives_the_credits_back()
    {
        var user = await NewWalletAsync();
        var generation = await NewGenerationAsync(user);
        await Credits.HoldAsync(user, generation, 60, Ct);
        (await Credits.ReleaseAsync(user, generation, Ct)).ShouldBe(new Hold(HoldState.Released, 60));
        (await BalanceAsync(user)).ShouldBe((StarterCredits, 0));
    }

    [Fact]
    public async Task A_hold_that_the_wallet_cannot_pay_is_refused_and_leaves_nothing()
    {
        var user = await NewWalletAsync();
        var generation = await NewGenerationAsync(user);
        (await Credits.HoldAsync(user, generation, StarterCredits + 1, Ct)).Problem!.Code.ShouldBe(CreditProblems.Insufficient);
        (await BalanceAsync(user)).ShouldBe((StarterCredits, 0));
        (await Credits.HoldAsync(user, generation, StarterCredits, Ct)).Succeeded.ShouldBeTrue("a refused hold decides nothing: the same generation may be paid later");
    }

    [Fact]
    public async Task Who_has_no_wallet_has_no_credits()
    {
        var user = await NewUserAsync();
        (await Credits.HoldAsync(user, await NewGenerationAsync(user), 1, Ct)).Problem!.Code.ShouldBe(CreditProblems.Insufficient);
    }

    [Fact]
    public async Task A_repeated_hold_answers_the_first_one_whatever_it_asks_for()
    {
        var user = await NewWalletAsync();
        var generation = await NewGenerationAsync(user);
        await Credits.HoldAsync(user, generation, 150, Ct);
        (await Credits.HoldAsync(user, generation, 150, Ct)).Value.ShouldBe(new Hold(HoldState.Held, 150));
        (await Credits.HoldAsync(user, generation, 20, Ct)).Value.ShouldBe(new Hold(HoldState.Held, 150));
        (await BalanceAsync(user)).ShouldBe((50, 150));
    }

    [Fact]
    public async Task The_first_ending_decides()
    {
        var user = await NewWalletAsync();
        var captured = await NewGenerationAsync(user);
        await Credits.HoldAsync(user, captured, 10, Ct);
        await Credits.CaptureAsync(user, captured, Ct);
        (await Credits.ReleaseAsync(user, captured, Ct)).ShouldBe(new Hold(HoldState.Captured, 10));
        (await Credits.CaptureAsync(user, captured, Ct)).ShouldBe(new Hold(HoldState.Captured, 10));
        (await Credits.HoldAsync(user, captured, 10, Ct)).Problem!.Code.ShouldBe(CreditProblems.Settled);

        var released = await NewGenerationAsync(user);
        await Credits.HoldAsync(user, released, 10, Ct);
        await Credits.ReleaseAsync(user, released, Ct);
        (await Credits.CaptureAsync(user, released, Ct)).ShouldBe(new Hold(HoldState.Released, 10));
        (await BalanceAsync(user)).ShouldBe((StarterCredits - 10, 0));
    }

    [Fact]
    public async Task A_release_before_its_hold_leaves_a_mark_that_refuses_the_late_hold()
    {
        var user = await NewWalletAsync();
        var generation = await NewGenerationAsync(user);
        (await Credits.ReleaseAsync(user, generation, Ct)).ShouldBe(new Hold(HoldState.Released, 0));
        (await Credits.HoldAsync(user, generation, 10, Ct)).Problem!.Code.ShouldBe(CreditProblems.Settled);
        (await BalanceAsync(user)).ShouldBe((StarterCredits, 0));
    }

    [Fact]
    public async Task Capturing_what_was_never_held_ends_it_with_nothing()
    {
        var user = await NewWalletAsync();
        var generation = await NewGenerationAsync(user);
        (await Credits.CaptureAsync(user, generation, Ct)).ShouldBe(new Hold(HoldState.Released, 0));
        (await Credits.HoldAsync(user, generation, 10, Ct)).Problem!.Code.ShouldBe(CreditProblems.Settled);
    }

    [Fact]
    public async Task Another_users_hold_cannot_be_touched()
    {
        var (owner, stranger) = (await NewWalletAsync(), await NewWalletAsync());
        var generation = await NewGenerationAsync(owner);
        await Credits.HoldAsync(owner, generation, 10, Ct);
        await Should.ThrowAsync<DataException>(() => Credits.CaptureAsync(stranger, generation, Ct));
        await Should.ThrowAsync<DataException>(() => Credits.ReleaseAsync(stranger, generation, Ct));
        await Should.ThrowAsync<DataException>(() => Credits.HoldAsync(stranger, generation, 10, Ct));
        (await BalanceAsync(owner)).ShouldBe((StarterCredits - 10, 10));
        (await BalanceAsync(stranger)).ShouldBe((StarterCredits, 0));
        await Credits.CaptureAsync(owner, generation, Ct);
    }

    [Fact]
    public async Task Impossible_amounts_and_foreign_slots_are_bugs()
    {
        var user = await NewWalletAsync();
        var generation = await NewGenerationAsync(user);
        await Should.ThrowAsync<ArgumentOutOfRangeException>(() => Credits.HoldAsync(user, generation, -1, Ct));
        await Should.ThrowAsync<ArgumentOutOfRangeException>(() => Credits.HoldAsync(user, generation, long.MaxValue, Ct));
        await Should.ThrowAsync<ArgumentException>(() => Credits.HoldAsync(user, new GenerationId(Id.Compose(Id.Epoch, Slot + 1, 1)), 1, Ct));
    }

    [Fact]
    public async Task A_generation_that_costs_nothing_has_a_life_without_transfers()
    {
        var user = await NewWalletAsync();
        var generation = await NewGenerationAsync(user);
        (await Credits.HoldAsync(user, generation, 0, Ct)).Value.ShouldBe(new Hold(HoldState.Held, 0));
        (await Credits.CaptureAsync(user, generation, Ct)).ShouldBe(new Hold(HoldState.Captured, 0));
        (await CountAsync("transfers")).ShouldBe(1);
    }

    [Fact]
    public async Task Of_fifty_parallel_spends_on_a_wallet_that_can_pay_for_one_exactly_one_is_accepted()
    {
        var user = await NewWalletAsync();
        var generations = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => NewGenerationAsync(user)));
        var outcomes = await Task.WhenAll(generations.Select(generation => Credits.HoldAsync(user, generation, StarterCredits - 1, Ct)));
        outcomes.Count(outcome => outcome.Succeeded).ShouldBe(1);
        outcomes.Where(outcome => !outcome.Succeeded).ShouldAllBe(outcome => outcome.Problem!.Code == CreditProblems.Insufficient);
        (await BalanceAsync(user)).ShouldBe((1, StarterCredits - 1));
    }

    [Fact]
    public async Task Fifty_parallel_holds_of_one_generation_are_one_hold()
    {
        var user = await NewWalletAsync();
        var generation = await NewGenerationAsync(user);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Credits.HoldAsync(user, generation, 150, Ct)));
        outcomes.ShouldAllBe(outcome => outcome.Value == new Hold(HoldState.Held, 150));
        (await BalanceAsync(user)).ShouldBe((50, 150));
    }

    [Fact]
    public async Task Hold_capture_and_release_racing_for_one_generation_end_in_exactly_one_of_captured_and_released()
    {
        var user = await NewWalletAsync();
        for (var round = 0; round < 40; round++)
        {
            var generation = await NewGenerationAsync(user);
            var before = (await BalanceAsync(user)).Credits;
            var racers = Enumerable.Range(0, 4).SelectMany(_ => new Func<Task>[]
            {
                () => Credits.HoldAsync(user, generation, 3, Ct),
                () => Credits.CaptureAsync(user, generation, Ct),
                () => Credits.ReleaseAsync(user, generation, Ct),
            });
            await Task.WhenAll(racers.Select(race => Task.Run(race, Ct)));
            var end = await Credits.ReleaseAsync(user, generation, Ct);
            (await Credits.CaptureAsync(user, generation, Ct)).ShouldBe(end);
            (await BalanceAsync(user)).ShouldBe((before - (end.State is HoldState.Captured ? 3 : 0), 0));
        }
    }

    [Fact]
    public async Task A_thousand_wallets_with_parallel_spenders_each_pay_for_as_many_as_they_can()
    {
        const int Wallets = 1_000, Spenders = 8, Price = 70; // 200 credits pay for two
        var users = new UserId[Wallets];
        await Task.WhenAll(Enumerable.Range(0, Wallets).Select(async i => users[i] = await NewWalletAsync()));
        var accepted = new int[Wallets];
        await Parallel.ForEachAsync(Enumerable.Range(0, Wallets * Spenders), new ParallelOptions { MaxDegreeOfParallelism = 24, CancellationToken = Ct }, async (i, token) =>
        {
            var user = users[i / Spenders];
            var outcome = await Credits.HoldAsync(user, await NewGenerationAsync(user), Price, token);
            if (outcome.Succeeded) Interlocked.Increment(ref accepted[i / Spenders]);
        });
        accepted.ShouldAllBe(count => count == 2);
        (await CountAsync("wallets WHERE credits = 60 AND held = 140")).ShouldBe(Wallets);
    }
}

public sealed class CreditsOnTwoShardsTests(SharedPostgres shared) : PaymentsTest(shared)
{
    protected override int ShardCount => 2;

    [Fact]
    public async Task Each_users_money_lives_on_the_users_shard_and_every_shard_sums_to_zero()
    {
        for (var slot = 0; slot < 8; slot++)
        {
            var user = await NewWalletAsync(slot);
            var generation = await NewGenerationAsync(user);
            await Credits.HoldAsync(user, generation, 10 + slot, Ct);
            if (slot % 3 == 0) await Credits.CaptureAsync(user, generation, Ct);
            if (slot % 3 == 1) await Credits.ReleaseAsync(user, generation, Ct);
        }
        var report = await Audit.VerifyAsync(Ct);
        report.IsClean.ShouldBeTrue();
        report.Shards.Count.ShouldBe(2);
        report.Shards.ShouldAllBe(shard => shard.Wallets == 4 && shard.Holds == 4 && shard.Credits + shard.Held + shard.PlatformAccounts.Values.Sum() == 0);
        report.Shards.Sum(shard => shard.OpenHolds).ShouldBe(2);
        report.Shards.Sum(shard => shard.Held).ShouldBe(12 + 15);
        report.Shards.Sum(shard => shard.PlatformAccounts.GetValueOrDefault("usage")).ShouldBe(10 + 13 + 16);
    }
}
