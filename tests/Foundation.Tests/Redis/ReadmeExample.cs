using SkyRiff.Redis;

namespace SkyRiff.Foundation.Tests.Redis;

/// <summary>The example of the library's README, word for word; <see cref="ReadmeTests"/> compares and runs it.</summary>
internal static class ReadmeExample
{
    // example begins
    private static readonly RedisScript TakeToken = new("""
        local left = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
        if left <= 0 then return -1 end
        redis.call('SET', KEYS[1], left - 1, 'PX', ARGV[2])
        return left - 1
        """);

    public static async Task<string> RunAsync(string address, CancellationToken cancellation)
    {
        await using var redis = await RedisClient.ConnectAsync(RedisOptions.Parse(address), cancellation);

        // A value: written from bytes or text, read as a pooled lease, or into memory that you own.
        await redis.SetAsync("clip:1:title", "Otters at dusk", TimeSpan.FromMinutes(10), cancellation);
        using var title = await redis.GetAsync("clip:1:title", cancellation);
        var memory = new byte[64];
        var length = await redis.GetAsync("clip:1:title"u8, memory, cancellation);

        // Commands issued together travel together; so do those of concurrent callers, without asking.
        ValueTask<long> views, likes;
        using (redis.Pipeline())
        {
            views = redis.IncrementAsync("clip:1:views", 1, cancellation);
            likes = redis.IncrementAsync("clip:1:likes", 1, cancellation);
        }

        var sum = await views + await likes;

        // A script goes by its hash, and by its text when the server does not know it.
        var tokensLeft = await redis.EvaluateIntegerAsync(TakeToken, ["bucket:ann"], [10, 60_000], cancellation);

        // Any command at all; the reply is walked without copies.
        using var reply = await redis.CallAsync(["LPUSH", "recent", "clip:1"], cancellation);
        var queued = reply.Root.Integer;

        try
        {
            await redis.WithTimeLimit(TimeSpan.FromMilliseconds(200)).PingAsync(cancellation);
        }
        catch (RedisException failure) when (!failure.MayHaveRun)
        {
            // Not sent: trying again cannot do it twice.
        }

        return $"{title.GetString()} ({length} bytes), {sum}, {tokensLeft}, {queued}";
    }
    // example ends
}
