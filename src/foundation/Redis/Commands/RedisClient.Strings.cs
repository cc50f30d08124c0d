using SkyRiff.Redis.Connections;

namespace SkyRiff.Redis;

/// <summary>When a SET takes effect.</summary>
public enum SetWhen
{
    /// <summary>Whether the key exists or not.</summary>
    Always,

    /// <summary>Only when the key does not exist (NX).</summary>
    Absent,

    /// <summary>Only when the key exists (XX).</summary>
    Present,
}

public sealed partial class RedisClient
{
    /// <summary>
    /// GET into the caller's memory. Answers the value's length, or -1 when the key does not exist; a length above the memory's means that only its
    /// beginning was copied. The memory must stay untouched until the call is over; a cancelled call no longer writes to it.
    /// </summary>
    public ValueTask<int> GetAsync(RedisKey key, Memory<byte> destination, CancellationToken cancellation)
    {
        var pending = Begin(ReplyShape.Destination, isRead: true);
        pending.Destination = destination;
        pending.Command.Raw("*2\r\n$3\r\nGET\r\n"u8);
        pending.Command.Key(key);
        return SendForLength(pending, cancellation);
    }

    /// <summary>GET as a pooled lease; dispose it.</summary>
    public ValueTask<RedisValue> GetAsync(RedisKey key, CancellationToken cancellation)
    {
        var pending = Begin(ReplyShape.Value, isRead: true);
        pending.Command.Raw("*2\r\n$3\r\nGET\r\n"u8);
        pending.Command.Key(key);
        return SendForValue(pending, cancellation);
    }

    /// <summary>GET that the server remembers: when the key changes, the handlers of <see cref="OnInvalidated"/> are told. Needs <see cref="RedisOptions.TrackReads"/>.</summary>
    public ValueTask<RedisValue> GetTrackedAsync(RedisKey key, CancellationToken cancellation)
    {
        if (!_router.Context.Options.TrackReads)
            throw new InvalidOperationException($"{nameof(RedisOptions)}.{nameof(RedisOptions.TrackReads)} is off.");

        var pending = Begin(ReplyShape.Value);
        pending.RepliesBefore = 1;
        pending.Command.Raw("*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$3\r\nYES\r\n*2\r\n$3\r\nGET\r\n"u8);
        pending.Command.Key(key);
        return SendForValue(pending, cancellation);
    }

    /// <summary>Part of a value, both ends included, negative ones counted from the end.</summary>
    public ValueTask<RedisValue> GetRangeAsync(RedisKey key, long start, long end, CancellationToken cancellation)
    {
        var pending = Begin(ReplyShape.Value, isRead: true);
        pending.Command.Head(4, "GETRANGE"u8);
        pending.Command.Key(key);
        pending.Command.Bulk(start);
        pending.Command.Bulk(end);
        return SendForValue(pending, cancellation);
    }

    /// <summary>SET; without a lifetime the key stays, and a lifetime it had is removed. The lifetime is in whole milliseconds, at least one.</summary>
    public ValueTask SetAsync(RedisKey key, RedisArg value, TimeSpan? lifetime, CancellationToken cancellation) =>
        SendForDone(BeginSet(key, value, lifetime, SetWhen.Always), cancellation);

    /// <summary>SET under a condition; answers whether it was set.</summary>
    public ValueTask<bool> TrySetAsync(RedisKey key, RedisArg value, TimeSpan? lifetime, SetWhen when, CancellationToken cancellation) =>
        SendForBool(BeginSet(key, value, lifetime, when), cancellation);

    /// <summary>Adds to the integer at the key (0 when absent); answers the new value.</summary>
    public ValueTask<long> IncrementAsync(RedisKey key, long by, CancellationToken cancellation)
    {
        var pending = Begin(ReplyShape.Integer);
        pending.Command.Head(3, "INCRBY"u8);
        pending.Command.Key(key);
        pending.Command.Bulk(by);
        return SendForLong(pending, cancellation);
    }

    /// <summary>Removes the key; its memory is freed in the server's background. Answers whether it existed.</summary>
    public ValueTask<bool> DeleteAsync(RedisKey key, CancellationToken cancellation) => SendForBool(BeginKey("UNLINK"u8, key, isRead: false), cancellation);

    /// <summary>Whether the key exists.</summary>
    public ValueTask<bool> ExistsAsync(RedisKey key, CancellationToken cancellation) => SendForBool(BeginKey("EXISTS"u8, key, isRead: true), cancellation);

    /// <summary>Gives the key a lifetime; false when it does not exist.</summary>
    public ValueTask<bool> ExpireAsync(RedisKey key, TimeSpan lifetime, CancellationToken cancellation)
    {
        var pending = Begin(ReplyShape.Integer);
        pending.Command.Head(3, "PEXPIRE"u8);
        pending.Command.Key(key);
        pending.Command.Bulk(Milliseconds(lifetime));
        return SendForBool(pending, cancellation);
    }

    /// <summary>Milliseconds until the key expires; -1: it does not expire; -2: it does not exist.</summary>
    public ValueTask<long> TimeToLiveAsync(RedisKey key, CancellationToken cancellation) => SendForLong(BeginKey("PTTL"u8, key, isRead: true), cancellation);

    /// <summary>Posts to a channel; answers how many received it on the node that took it.</summary>
    public ValueTask<long> PublishAsync(RedisArg channel, RedisArg message, CancellationToken cancellation)
    {
        var pending = Begin(ReplyShape.Integer);
        pending.Command.Head(3, "PUBLISH"u8);
        pending.Command.Bulk(channel);
        pending.Command.Bulk(message);
        return SendForLong(pending, cancellation);
    }

    /// <summary>Posts to a sharded channel, on the node of its slot (Redis 7).</summary>
    public ValueTask<long> PublishShardedAsync(RedisArg channel, RedisArg message, CancellationToken cancellation)
    {
        var pending = Begin(ReplyShape.Integer);
        pending.Command.Head(3, "SPUBLISH"u8);
        pending.Command.Key(channel);
        pending.Command.Bulk(message);
        return SendForLong(pending, cancellation);
    }

    private PendingReply BeginSet(RedisKey key, RedisArg value, TimeSpan? lifetime, SetWhen when)
    {
        var pending = Begin(ReplyShape.Integer);
        pending.Command.Head(3 + (lifetime is null ? 0 : 2) + (when == SetWhen.Always ? 0 : 1), "SET"u8);
        pending.Command.Key(key);
        pending.Command.Bulk(value);
        if (lifetime is { } duration)
        {
            pending.Command.Bulk("PX"u8);
            pending.Command.Bulk(Milliseconds(duration));
        }

        if (when != SetWhen.Always)
            pending.Command.Bulk(when == SetWhen.Absent ? "NX"u8 : "XX"u8);
        return pending;
    }

    private PendingReply BeginKey(ReadOnlySpan<byte> name, RedisKey key, bool isRead)
    {
        var pending = Begin(ReplyShape.Integer, isRead);
        pending.Command.Head(2, name);
        pending.Command.Key(key);
        return pending;
    }

    private PendingReply BeginKeyAnd(ReplyShape shape, ReadOnlySpan<byte> name, RedisKey key, ReadOnlySpan<RedisArg> arguments, bool isRead = false)
    {
        var pending = Begin(shape, isRead);
        pending.Command.Head(2 + arguments.Length, name);
        pending.Command.Key(key);
        foreach (var argument in arguments)
            pending.Command.Bulk(argument);
        return pending;
    }

    private static long Milliseconds(TimeSpan lifetime) => Math.Max(1, (long)Math.Ceiling(lifetime.TotalMilliseconds));
}
