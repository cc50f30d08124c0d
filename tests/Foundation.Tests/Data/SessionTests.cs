using Shouldly;
using SkyRiff.Data;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Foundation.Tests.Data;

public sealed class SessionTests(SharedPostgres shared) : DataTest(shared)
{
    private static readonly ProblemCode Taken = new("things.taken", ProblemCategory.Conflict, "Taken");

    [Fact]
    public async Task What_is_in_a_hole_is_a_value_never_text()
    {
        const string Hostile = "'; DROP TABLE things.things; --";

        var back = await On(session => session.SingleAsync($"SELECT {Hostile}", row => row.Text(0), Ct));

        back.ShouldBe(Hostile);
        (await CountAsync("things")).ShouldBe(0);
    }

    [Fact]
    public async Task Values_of_all_kinds_and_their_nulls_come_back_as_they_went()
    {
        var time = new DateTimeOffset(2026, 11, 21, 1, 2, 3, TimeSpan.Zero).AddMicroseconds(4);
        await On(async session =>
        {
            (await session.SingleAsync($"SELECT {(int?)null}::integer, {(int?)5}::integer, {7}", row => (row.IntOrNull(0), row.IntOrNull(1), row.Int(2)), Ct)).ShouldBe((null, 5, 7));
            (await session.SingleAsync($"SELECT {(string?)null}::text, {"é\u0001"}, {""}", row => (row.TextOrNull(0), row.Text(1), row.Text(2)), Ct)).ShouldBe((null, "é\u0001", ""));
            (await session.SingleAsync($"SELECT {(DateTimeOffset?)null}::timestamptz, {time}", row => (row.TimeOrNull(0), row.Time(1)), Ct)).ShouldBe((null, time));
            (await session.SingleAsync($"SELECT {(byte[]?)null}::bytea, {new byte[] { 0, 255 }}", row => row.BytesOrNull(0) is null && row.Bytes(1) is [0, 255], Ct)).ShouldBeTrue();
            (await session.SingleAsync($"SELECT {new ReadOnlyMemory<byte>([9, 8, 7], 1, 2)}", row => row.Bytes(0), Ct)).ShouldBe([8, 7]);
            (await session.SingleAsync($"SELECT {true}, {1.5}, {(short)3}, {new DateOnly(2026, 2, 28)}", row => (row.Bool(0), row.Double(1), row.Short(2), row.Date(3)), Ct))
                .ShouldBe((true, 1.5, (short)3, new DateOnly(2026, 2, 28)));
            (await session.SingleAsync($"SELECT {new Sql.Json("""{"a": [1]}""")} ->> 'a', {(Sql.Json?)null}::jsonb IS NULL", row => (row.Text(0), row.Bool(1)), Ct)).ShouldBe(("[1]", true));
        });
    }

    [Fact]
    public async Task Arrays_are_one_parameter()
    {
        await On(async session =>
        {
            (await session.ListAsync($"SELECT n FROM unnest({new long[] { 3, 1, 2 }}) AS n ORDER BY n", row => row.Long(0), Ct)).ShouldBe([1, 2, 3]);
            (await session.SingleAsync($"SELECT {new[] { "a", "b,c" }}", row => row.Texts(0), Ct)).ShouldBe(["a", "b,c"]);
            (await session.SingleAsync($"SELECT 5 = ANY({Array.Empty<int>()})", row => row.Bool(0), Ct)).ShouldBeFalse();
        });
    }

    [Fact]
    public async Task Typed_ids_go_as_bigint_alone_as_null_and_in_arrays()
    {
        var id = new ThingId(await NewIdAsync(slot: 9));
        await On(async session =>
        {
            await session.ExecuteAsync($"INSERT INTO things.things (id, owner) VALUES ({id}, {(ThingId?)null})", Ct);
            var back = await session.SingleAsync($"SELECT id, owner FROM things.things WHERE id = ANY({new[] { id }})", row => (row.Id<ThingId>(0), row.IdOrNull<ThingId>(1)), Ct);
            back.ShouldBe((id, null));
        });
    }

    [Fact]
    public async Task A_fragment_keeps_its_parameters_wherever_it_is_spliced()
    {
        var inner = Sql.Fragment($"SELECT {20} + {1}");

        var sum = await On(session => session.SingleAsync($"SELECT {100} + ({inner}) + {5}", row => row.Int(0), Ct));

        sum.ShouldBe(126);
    }

    [Fact]
    public async Task Several_statements_in_one_round_trip_are_all_or_none()
    {
        (await Database.PrimaryAsync(Shard, (session, token) => session.ExecuteManyAsync(
            [Sql.Fragment($"INSERT INTO things.things (id) VALUES ({1L}), ({2L})"), Sql.Fragment($"DELETE FROM things.things WHERE id = {1L}")], token), Ct)).ShouldBe([2, 1]);

        await Should.ThrowAsync<DataException>(() => Database.PrimaryAsync(Shard, (session, token) => session.ExecuteManyAsync(
            [Sql.Fragment($"INSERT INTO things.things (id) VALUES ({3L})"), Sql.Fragment($"INSERT INTO things.things (id) VALUES ({2L})")], token), Ct));

        (await CountAsync("things")).ShouldBe(1);
    }

    [Fact]
    public async Task A_broken_constraint_is_named()
    {
        await On(session => session.ExecuteAsync($"INSERT INTO things.things (id) VALUES ({1L})", Ct));

        var duplicate = await Should.ThrowAsync<DataException>(() => On(session => session.ExecuteAsync($"INSERT INTO things.things (id) VALUES ({1L})", Ct)));
        var broken = await Should.ThrowAsync<DataException>(() => On(session => session.ExecuteAsync($"INSERT INTO things.things (id, count) VALUES ({2L}, {-1})", Ct)));

        (duplicate.Failure, duplicate.Constraint).ShouldBe((DataFailure.Duplicate, "things_pkey"));
        (broken.Failure, broken.Constraint).ShouldBe((DataFailure.ConstraintBroken, "things_count_positive"));
    }

    [Fact]
    public async Task A_refused_outcome_rolls_back()
    {
        var outcome = await On<Outcome<int>>(async session =>
        {
            await session.ExecuteAsync($"INSERT INTO things.things (id) VALUES ({1L})", Ct);
            return Taken.Because("somebody was quicker");
        });

        outcome.Problem!.Code.ShouldBe(Taken);
        (await CountAsync("things")).ShouldBe(0);
    }

    [Fact]
    public async Task A_transaction_whose_failed_statement_was_swallowed_is_not_taken_for_committed()
    {
        await Should.ThrowAsync<DataException>(() => On(async session =>
        {
            await session.ExecuteAsync($"INSERT INTO things.things (id) VALUES ({1L})", Ct);
            await Should.ThrowAsync<DataException>(() => session.ExecuteAsync($"INSERT INTO things.things (id) VALUES ({1L})", Ct));
            return "all went well";
        }));

        (await CountAsync("things")).ShouldBe(0);
    }

    [Fact]
    public async Task Deadlocked_transactions_are_repeated_until_both_are_done()
    {
        await On(session => session.ExecuteAsync($"INSERT INTO things.things (id) VALUES ({1L}), ({2L})", Ct));
        using var meet = new Barrier(2);
        var attempts = 0;

        async Task<bool> CrossAsync(SqlSession session, long first, long second)
        {
            var attempt = Interlocked.Increment(ref attempts);
            await session.ExecuteAsync($"UPDATE things.things SET count = count + 1 WHERE id = {first}", Ct);
            if (attempt <= 2) await Task.Run(() => meet.SignalAndWait(TimeSpan.FromSeconds(10), Ct), Ct);
            await session.ExecuteAsync($"UPDATE things.things SET count = count + 1 WHERE id = {second}", Ct);
            return true;
        }

        await Task.WhenAll(On(session => CrossAsync(session, 1, 2)), On(session => CrossAsync(session, 2, 1)));

        attempts.ShouldBe(3);
        (await CountAsync("things WHERE count = 2")).ShouldBe(2);
    }

    [Fact]
    public async Task An_open_transaction_is_marked_for_as_long_as_it_is_open_and_only_there()
    {
        OpenTransaction.IsOpen.ShouldBeFalse();
        await On(async session =>
        {
            await session.ExecuteAsync($"SELECT 1", Ct);
            OpenTransaction.IsOpen.ShouldBeTrue();
            await Task.Run(() => OpenTransaction.IsOpen.ShouldBeTrue(), Ct);
            Should.Throw<InvalidOperationException>(() => OpenTransaction.Forbid("asking the provider"));
        });
        OpenTransaction.IsOpen.ShouldBeFalse();
        OpenTransaction.Forbid("asking the provider");
        await Database.PrimaryAsync(Shard, (_, _) => Task.FromResult(OpenTransaction.IsOpen), Ct).ContinueWith(open => open.Result.ShouldBeFalse(), Ct);
    }

    [Fact]
    public async Task Ids_tell_their_slot_come_in_order_and_are_never_given_twice()
    {
        var sessions = await Task.WhenAll(Enumerable.Range(0, 8).Select(slot => Database.PrimaryAsync(Shard, async (session, token) =>
        {
            var ids = new List<long>();
            for (var i = 0; i < 300; i++) ids.Add(await session.SingleAsync($"SELECT skyriff.next_id({slot})", row => row.Long(0), token));
            return ids;
        }, Ct)));

        var now = await Database.PrimaryAsync(Shard, (session, token) => session.SingleAsync($"SELECT now()", row => row.Time(0), token), Ct);
        for (var slot = 0; slot < sessions.Length; slot++)
        {
            sessions[slot].ShouldAllBe(id => Id.SlotOf(id) == slot && id > 0);
            sessions[slot].Select(Id.TimeOf).ShouldBeInOrder();
            Id.TimeOf(sessions[slot][^1]).ShouldBe(now, TimeSpan.FromSeconds(30));
        }
        sessions.SelectMany(ids => ids).Distinct().Count().ShouldBe(8 * 300);
    }

    [Fact]
    public async Task A_statement_that_takes_too_long_is_a_time_out_and_a_server_that_is_away_is_unavailable()
    {
        Options.StatementTimeout = TimeSpan.FromSeconds(1);
        await using var map = new ShardMap(Options);
        var slow = await Should.ThrowAsync<DataException>(() =>
            new TestDatabase(map, "things").PrimaryAsync(Shard, (session, token) => session.ExecuteAsync($"SELECT pg_sleep(30)", token), Ct));
        slow.Failure.ShouldBe(DataFailure.TimedOut);

        await using var nowhere = new ShardMap(new DataOptions { Shards = { new ShardOptions { Primary = "Host=/nowhere;Database=none" } } });
        var away = await Should.ThrowAsync<DataException>(() =>
            new TestDatabase(nowhere, "things").PrimaryAsync(nowhere.Shards[0], (session, token) => session.ExecuteAsync($"SELECT 1", token), Ct));
        away.Failure.ShouldBe(DataFailure.Unavailable);
    }

    [Fact]
    public async Task A_client_that_falls_silent_inside_a_transaction_does_not_hold_its_locks_for_ever()
    {
        var limit = await On(session => session.SingleAsync($"SELECT current_setting('idle_in_transaction_session_timeout')", row => row.Text(0), Ct));

        limit.ShouldBe("15s");
    }

    private readonly record struct ThingId(long Value) : ITypedId<ThingId>
    {
        public static ThingId Of(long value) => new(value);
    }
}
