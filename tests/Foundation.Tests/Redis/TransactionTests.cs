using Shouldly;
using SkyRiff.Redis;
using SkyRiff.Testing;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Redis;

[Collection(nameof(RedisServerFixture))]
public sealed class TransactionTests(RedisServerFixture fixture)
{
    private readonly RedisClient _redis = fixture.Redis;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_transaction_answers_every_command_and_others_never_come_between()
    {
        var key = fixture.Key();
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async _ =>
        {
            using var reply = await _redis.CreateTransaction().Queue(["INCR", key]).Queue(["INCR", key]).Queue(["GET", key]).ExecuteAsync(Cancellation);
            var numbers = new List<long>();
            foreach (var element in reply.Root)
                numbers.Add(element.Integer);
            numbers[1].ShouldBe(numbers[0] + 1);
            numbers[2].ShouldBe(numbers[1]);
        }));
    }

    [Fact]
    public async Task A_command_refused_while_queueing_means_that_nothing_ran()
    {
        var key = fixture.Key();
        var refusal = await Should.ThrowAsync<RedisException>(
            async () => await _redis.CreateTransaction().Queue(["SET", key, 1]).Queue(["NOSUCHCOMMAND", key]).ExecuteAsync(Cancellation));
        refusal.Kind.ShouldBe(RedisErrorKind.Refused);
        refusal.Message.ShouldContain("NOSUCHCOMMAND");
        (await _redis.ExistsAsync(key, Cancellation)).ShouldBeFalse();
    }

    [Fact]
    public async Task A_watched_key_that_changed_stops_the_transaction_and_one_that_did_not_lets_it_run()
    {
        var key = fixture.Key();
        await using var session = await _redis.OpenSessionAsync(key, Cancellation);
        await session.WatchAsync(new RedisArg[] { key }, Cancellation);
        await _redis.SetAsync(key, "other", null, Cancellation);
        using (var stopped = await session.CreateTransaction().Queue(["SET", key, "mine"]).ExecuteAsync(Cancellation))
            stopped.IsNull.ShouldBeTrue();

        await session.WatchAsync(new RedisArg[] { key }, Cancellation);
        using (var ran = await session.CreateTransaction().Queue(["SET", key, "mine"]).ExecuteAsync(Cancellation))
            ran.IsNull.ShouldBeFalse();
        using var value = await _redis.GetAsync(key, Cancellation);
        value.GetString().ShouldBe("mine");
    }

    [Theory]
    [InlineData("at once")]
    [InlineData("when it has a new connection")]
    public async Task A_watch_that_was_lost_with_its_connection_never_lets_the_transaction_run(string when)
    {
        await using var server = await RedisServerProcess.StartAsync();
        await using var redis = RedisClient.Create(new RedisOptions { Endpoints = [new RedisEndpoint("127.0.0.1", server.Port)], TimeLimit = TimeSpan.FromSeconds(20) });
        await using var session = await redis.OpenSessionAsync("k", Cancellation);
        await session.WatchAsync(new RedisArg[] { "k" }, Cancellation);
        using (var killed = await redis.CallAsync(["CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "yes"], -1, Cancellation))
            killed.Root.Integer.ShouldBeGreaterThan(0);
        if (when != "at once")
            await Eventually.TrueAsync(async () => await ConnectionsAsync(redis) >= 2, "the session's lane is connected again");

        var failure = await Should.ThrowAsync<RedisException>(async () => await session.CreateTransaction().Queue(["SET", "k", "mine"]).ExecuteAsync(Cancellation));
        failure.Kind.ShouldBeOneOf(RedisErrorKind.NotSent, RedisErrorKind.MayHaveRun);
        (await redis.WithTimeLimit(TimeSpan.FromSeconds(20)).ExistsAsync("k", Cancellation)).ShouldBeFalse();
    }

    [Fact]
    public async Task A_blocking_command_holds_up_nobody_and_ends_when_it_is_cancelled()
    {
        var (list, other) = (fixture.Key("list"), fixture.Key("other"));
        var blocked = _redis.CallBlockingAsync(["BLPOP", list, 30], TimeSpan.FromSeconds(30), Cancellation).AsTask();
        using var leaving = new CancellationTokenSource();
        var abandoned = _redis.CallBlockingAsync(["BLPOP", other, 30], TimeSpan.FromSeconds(30), leaving.Token).AsTask();
        await _redis.PingAsync(Cancellation);
        using (var pushed = await _redis.CallAsync(["RPUSH", list, "item"], Cancellation))
            pushed.Root.Integer.ShouldBe(1);
        using (var popped = await blocked)
            popped.Root.Count.ShouldBe(2);

        await leaving.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(abandoned);

        // Nobody pops for the one who left, once the server knows that he did.
        await Eventually.TrueAsync(async () => !(await ClientsAsync(_redis)).Contains("flags=b ", StringComparison.Ordinal), "the server saw him leave");
        using (var pushed = await _redis.CallAsync(["RPUSH", other, "item"], Cancellation))
            pushed.Root.Integer.ShouldBe(1);
        using var length = await _redis.CallAsync(["LLEN", other], Cancellation);
        length.Root.Integer.ShouldBe(1);
    }

    private static async Task<string> ClientsAsync(RedisClient redis)
    {
        using var list = await redis.CallAsync(["CLIENT", "LIST"], -1, Cancellation);
        return list.Root.GetString();
    }

    /// <summary>Those that have said who they are, which is the last a client does before it uses one.</summary>
    private static async Task<int> ConnectionsAsync(RedisClient redis) => (await ClientsAsync(redis)).Split("name=skyriff").Length - 1;
}
