using SkyRiff.Redis.Connections;

namespace SkyRiff.Redis;

/// <summary>Hashes, sets and sorted sets.</summary>
public sealed partial class RedisClient
{
    /// <summary>One field of a hash, as a pooled lease.</summary>
    public ValueTask<RedisValue> HashGetAsync(RedisKey key, RedisArg field, CancellationToken cancellation) =>
        SendForValue(BeginKeyAnd(ReplyShape.Value, "HGET"u8, key, [field], isRead: true), cancellation);

    /// <summary>Several fields; the reply is an array in their order, with nulls.</summary>
    public ValueTask<RedisReply> HashGetManyAsync(RedisKey key, ReadOnlySpan<RedisArg> fields, CancellationToken cancellation) =>
        SendForReply(BeginKeyAnd(ReplyShape.Frame, "HMGET"u8, key, fields, isRead: true), cancellation);

    /// <summary>All fields; the reply's children are field, value, field, value... in RESP3 and RESP2 alike.</summary>
    public ValueTask<RedisReply> HashGetAllAsync(RedisKey key, CancellationToken cancellation) =>
        SendForReply(BeginKeyAnd(ReplyShape.Frame, "HGETALL"u8, key, [], isRead: true), cancellation);

    /// <summary>Sets fields, given as field, value, field, value...; answers how many are new.</summary>
    public ValueTask<long> HashSetAsync(RedisKey key, ReadOnlySpan<RedisArg> fieldsAndValues, CancellationToken cancellation) =>
        SendForLong(BeginKeyAnd(ReplyShape.Integer, "HSET"u8, key, fieldsAndValues), cancellation);

    /// <summary>Adds to an integer field; answers its new value.</summary>
    public ValueTask<long> HashIncrementAsync(RedisKey key, RedisArg field, long by, CancellationToken cancellation) =>
        SendForLong(BeginKeyAnd(ReplyShape.Integer, "HINCRBY"u8, key, [field, by]), cancellation);

    /// <summary>Answers how many of the fields existed.</summary>
    public ValueTask<long> HashDeleteAsync(RedisKey key, ReadOnlySpan<RedisArg> fields, CancellationToken cancellation) =>
        SendForLong(BeginKeyAnd(ReplyShape.Integer, "HDEL"u8, key, fields), cancellation);

    /// <summary>Answers how many of the members are new.</summary>
    public ValueTask<long> SetAddAsync(RedisKey key, ReadOnlySpan<RedisArg> members, CancellationToken cancellation) =>
        SendForLong(BeginKeyAnd(ReplyShape.Integer, "SADD"u8, key, members), cancellation);

    /// <summary>Answers how many of the members were there.</summary>
    public ValueTask<long> SetRemoveAsync(RedisKey key, ReadOnlySpan<RedisArg> members, CancellationToken cancellation) =>
        SendForLong(BeginKeyAnd(ReplyShape.Integer, "SREM"u8, key, members), cancellation);

    /// <summary>Whether the member is in the set.</summary>
    public ValueTask<bool> SetContainsAsync(RedisKey key, RedisArg member, CancellationToken cancellation) =>
        SendForBool(BeginKeyAnd(ReplyShape.Integer, "SISMEMBER"u8, key, [member], isRead: true), cancellation);

    /// <summary>How many members there are.</summary>
    public ValueTask<long> SetCountAsync(RedisKey key, CancellationToken cancellation) => SendForLong(BeginKey("SCARD"u8, key, isRead: true), cancellation);

    /// <summary>All members, as an array or set in the reply.</summary>
    public ValueTask<RedisReply> SetMembersAsync(RedisKey key, CancellationToken cancellation) =>
        SendForReply(BeginKeyAnd(ReplyShape.Frame, "SMEMBERS"u8, key, [], isRead: true), cancellation);

    /// <summary>Sets a member's score; answers whether it is new.</summary>
    public ValueTask<bool> SortedSetAddAsync(RedisKey key, double score, RedisArg member, CancellationToken cancellation) =>
        SendForBool(BeginKeyAnd(ReplyShape.Integer, "ZADD"u8, key, [score, member]), cancellation);

    /// <summary>Sets scores, given as score, member, score, member...; answers how many are new.</summary>
    public ValueTask<long> SortedSetAddManyAsync(RedisKey key, ReadOnlySpan<RedisArg> scoresAndMembers, CancellationToken cancellation) =>
        SendForLong(BeginKeyAnd(ReplyShape.Integer, "ZADD"u8, key, scoresAndMembers), cancellation);

    /// <summary>Adds to a member's score (0 when absent); answers the new score.</summary>
    public ValueTask<double?> SortedSetIncrementAsync(RedisKey key, double by, RedisArg member, CancellationToken cancellation) =>
        SendForNullableDouble(BeginKeyAnd(ReplyShape.Double, "ZINCRBY"u8, key, [by, member]), cancellation);

    /// <summary>Null when the member is absent.</summary>
    public ValueTask<double?> SortedSetScoreAsync(RedisKey key, RedisArg member, CancellationToken cancellation) =>
        SendForNullableDouble(BeginKeyAnd(ReplyShape.Double, "ZSCORE"u8, key, [member], isRead: true), cancellation);

    /// <summary>Position from the lowest score, or from the highest when <paramref name="descending"/>; null when the member is absent.</summary>
    public ValueTask<long?> SortedSetRankAsync(RedisKey key, RedisArg member, bool descending, CancellationToken cancellation) =>
        SendForNullableLong(BeginKeyAnd(ReplyShape.Integer, descending ? "ZREVRANK"u8 : "ZRANK"u8, key, [member], isRead: true), cancellation);

    /// <summary>
    /// Members by position, both ends included, negative ones counted from the end. With scores the children are member, score pairs: flat in RESP2,
    /// pairs in arrays in RESP3; <see cref="RedisSortedSetReader"/> reads both.
    /// </summary>
    public ValueTask<RedisReply> SortedSetRangeAsync(RedisKey key, long start, long stop, bool descending, bool withScores, CancellationToken cancellation)
    {
        var pending = Begin(ReplyShape.Frame, isRead: true);
        pending.Command.Head(4 + (withScores ? 1 : 0), descending ? "ZREVRANGE"u8 : "ZRANGE"u8);
        pending.Command.Key(key);
        pending.Command.Bulk(start);
        pending.Command.Bulk(stop);
        if (withScores)
            pending.Command.Bulk("WITHSCORES"u8);
        return SendForReply(pending, cancellation);
    }

    /// <summary>Members by score, lowest first, or from the highest when <paramref name="descending"/>; both ends included, at most <paramref name="limit"/> after <paramref name="skip"/>.</summary>
    public ValueTask<RedisReply> SortedSetRangeByScoreAsync(
        RedisKey key, double lowest, double highest, bool descending, long skip, long limit, bool withScores, CancellationToken cancellation)
    {
        var pending = Begin(ReplyShape.Frame, isRead: true);
        pending.Command.Head(7 + (withScores ? 1 : 0), descending ? "ZREVRANGEBYSCORE"u8 : "ZRANGEBYSCORE"u8);
        pending.Command.Key(key);
        pending.Command.Bulk(descending ? highest : lowest);
        pending.Command.Bulk(descending ? lowest : highest);
        if (withScores)
            pending.Command.Bulk("WITHSCORES"u8);
        pending.Command.Bulk("LIMIT"u8);
        pending.Command.Bulk(skip);
        pending.Command.Bulk(limit);
        return SendForReply(pending, cancellation);
    }

    /// <summary>Answers how many of the members were there.</summary>
    public ValueTask<long> SortedSetRemoveAsync(RedisKey key, ReadOnlySpan<RedisArg> members, CancellationToken cancellation) =>
        SendForLong(BeginKeyAnd(ReplyShape.Integer, "ZREM"u8, key, members), cancellation);

    /// <summary>Removes by score, both ends included; answers how many.</summary>
    public ValueTask<long> SortedSetRemoveByScoreAsync(RedisKey key, double lowest, double highest, CancellationToken cancellation) =>
        SendForLong(BeginKeyAnd(ReplyShape.Integer, "ZREMRANGEBYSCORE"u8, key, [lowest, highest]), cancellation);

    /// <summary>Removes by position, both ends included, negative ones counted from the end; answers how many.</summary>
    public ValueTask<long> SortedSetRemoveByRankAsync(RedisKey key, long start, long stop, CancellationToken cancellation) =>
        SendForLong(BeginKeyAnd(ReplyShape.Integer, "ZREMRANGEBYRANK"u8, key, [start, stop]), cancellation);

    /// <summary>How many members there are.</summary>
    public ValueTask<long> SortedSetCountAsync(RedisKey key, CancellationToken cancellation) => SendForLong(BeginKey("ZCARD"u8, key, isRead: true), cancellation);

    /// <summary>How many members have a score between these, both included.</summary>
    public ValueTask<long> SortedSetCountByScoreAsync(RedisKey key, double lowest, double highest, CancellationToken cancellation) =>
        SendForLong(BeginKeyAnd(ReplyShape.Integer, "ZCOUNT"u8, key, [lowest, highest], isRead: true), cancellation);
}
