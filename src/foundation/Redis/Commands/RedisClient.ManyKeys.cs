using System.Buffers;
using System.Runtime.CompilerServices;
using SkyRiff.Redis.Cluster;
using SkyRiff.Redis.Connections;
using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis;

/// <summary>Commands over many keys: one on a single server; in a cluster one per slot, all under way together, which is one round trip per node.</summary>
public sealed partial class RedisClient
{
    /// <summary>
    /// Values of many keys, in their order, as pooled leases; dispose each. When a part fails, the parts that arrived are disposed and the call throws.
    /// </summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask GetManyAsync(ReadOnlyMemory<RedisArg> keys, Memory<RedisValue> values, CancellationToken cancellation)
    {
        if (values.Length < keys.Length)
            throw new ArgumentException("There are fewer places for values than keys.", nameof(values));
        if (keys.IsEmpty)
            return;

        values.Span[..keys.Length].Clear();
        using var groups = SlotGroups.Of(keys.Span, _router.HashesKeys);
        var parts = ArrayPool<PendingReply>.Shared.Rent(groups.Count);
        using (Pipeline())
        {
            for (var group = 0; group < groups.Count; group++)
                parts[group] = DispatchGroup(BeginGroup(ReplyShape.Frame, "MGET"u8, keys.Span, groups[group], isRead: true), cancellation);
        }

        Exception? failure = null;
        for (var group = 0; group < groups.Count; group++)
        {
            try
            {
                using var reply = await new ValueTask<RedisReply>(parts[group], parts[group].Version);
                Distribute(reply.Root, groups[group], values.Span);
            }
            catch (Exception partFailure)
            {
                failure ??= partFailure;
            }
        }

        ArrayPool<PendingReply>.Shared.Return(parts, clearArray: true);
        if (failure is null)
            return;

        foreach (var value in values.Span[..keys.Length])
            value.Dispose();
        values.Span[..keys.Length].Clear();
        throw failure;
    }

    /// <summary>Removes many keys; answers how many existed. Not atomic across slots.</summary>
    public ValueTask<long> DeleteManyAsync(ReadOnlyMemory<RedisArg> keys, CancellationToken cancellation) => SumAsync("UNLINK", keys, cancellation);

    /// <summary>How many of the keys exist.</summary>
    public ValueTask<long> CountExistingAsync(ReadOnlyMemory<RedisArg> keys, CancellationToken cancellation) => SumAsync("EXISTS", keys, cancellation);

    /// <summary>SET of many keys, given as key, value, key, value...; without lifetimes, not atomic across slots.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask SetManyAsync(ReadOnlyMemory<RedisArg> keysAndValues, CancellationToken cancellation)
    {
        var keys = new RedisArg[keysAndValues.Length / 2];
        for (var index = 0; index < keys.Length; index++)
            keys[index] = keysAndValues.Span[index * 2];
        if (keys.Length == 0)
            return;

        using var groups = SlotGroups.Of(keys, _router.HashesKeys);
        var parts = new Task<long>[groups.Count];
        using (Pipeline())
        {
            for (var group = 0; group < parts.Length; group++)
            {
                var pending = Begin(ReplyShape.Integer);
                var members = groups[group];
                pending.Command.Head(1 + (members.Length * 2), "MSET"u8);
                foreach (var index in members)
                {
                    pending.Command.Key(keys[index]);
                    pending.Command.Bulk(keysAndValues.Span[(index * 2) + 1]);
                }

                parts[group] = SendForLong(pending, cancellation).AsTask();
            }
        }

        await SumPartsAsync(parts);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<long> SumAsync(string command, ReadOnlyMemory<RedisArg> keys, CancellationToken cancellation)
    {
        if (keys.IsEmpty)
            return 0;

        using var groups = SlotGroups.Of(keys.Span, _router.HashesKeys);
        var parts = new Task<long>[groups.Count];
        using (Pipeline())
        {
            for (var group = 0; group < parts.Length; group++)
                parts[group] = SendForLong(BeginGroup(ReplyShape.Integer, command == "UNLINK" ? "UNLINK"u8 : "EXISTS"u8, keys.Span, groups[group], isRead: command == "EXISTS"), cancellation).AsTask();
        }

        return await SumPartsAsync(parts);
    }

    private PendingReply DispatchGroup(PendingReply pending, CancellationToken cancellation)
    {
        Dispatch(pending, cancellation);
        return pending;
    }

    private PendingReply BeginGroup(ReplyShape shape, ReadOnlySpan<byte> name, ReadOnlySpan<RedisArg> keys, ReadOnlySpan<int> members, bool isRead)
    {
        var pending = Begin(shape, isRead);
        pending.Command.Head(1 + members.Length, name);
        foreach (var index in members)
            pending.Command.Key(keys[index]);
        return pending;
    }

    private static async ValueTask<long> SumPartsAsync(Task<long>[] parts)
    {
        var sum = 0L;
        Exception? failure = null;
        foreach (var part in parts)
        {
            try
            {
                sum += await part;
            }
            catch (Exception partFailure)
            {
                failure ??= partFailure;
            }
        }

        return failure is null ? sum : throw failure;
    }

    private static void Distribute(RespElement reply, ReadOnlySpan<int> members, Span<RedisValue> values)
    {
        var next = 0;
        foreach (var element in reply)
        {
            if (next == members.Length)
                break;
            var target = members[next++];
            if (element.IsNull)
                continue;
            var bytes = element.Bytes;
            var buffer = ValueBuffer.Rent(bytes.Length);
            bytes.CopyTo(buffer.Writable.Span);
            values[target] = new RedisValue(buffer);
        }
    }
}
