using System.Diagnostics;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Data;

/// <summary>Events written with the change that they tell of, in the table of <c>--: include outbox</c>; <see cref="OutboxRelay"/> publishes them.</summary>
public static class Outbox
{
    /// <summary>Appends an event in the caller's transaction; answers its id. It is published if, and only if, the transaction commits.</summary>
    public static async Task<long> AppendAsync(SqlSession session, string topic, long key, string payload, CancellationToken cancellationToken)
    {
        var id = await session.SingleAsync($"""
            INSERT INTO {session.Schema}.outbox (id, topic, key, payload, traceparent)
            VALUES (skyriff.next_id({SlotFor(session, key)}), {topic}, {key}, {new Sql.Json(payload)}, {TraceParent()})
            RETURNING id
            """, row => row.Long(0), cancellationToken);
        session.NotifyOnCommit(Channel(session.Database), "");
        return id;
    }

    internal static string Channel(ServiceDatabase database) => database.Service + "_outbox";

    /// <summary>Ids are unique only within a slot's shard, so an event about another shard's thing gets a slot of this one.</summary>
    private static int SlotFor(SqlSession session, long key)
    {
        var directory = session.Database.Map.Directory;
        var slot = Id.SlotOf(key);
        return directory.ShardOf(slot) == session.Shard.Number ? slot : directory.SlotsOf(session.Shard.Number).First();
    }

    private static string? TraceParent() => Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.Id : null;
}

/// <summary>What a consumer has handled, in the table of <c>--: include outbox</c>.</summary>
public static class Inbox
{
    /// <summary>How long events are remembered; the relay gives up long before.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(7);

    /// <summary>
    /// True when the consumer sees the event for the first time, and the caller's transaction shall have the effect; false when it had it already.
    /// A parallel delivery waits for the first one's transaction.
    /// </summary>
    public static async Task<bool> FirstTimeAsync(SqlSession session, string consumer, long eventId, CancellationToken cancellationToken) =>
        await session.ExecuteAsync($"INSERT INTO {session.Schema}.inbox (consumer, event_id) VALUES ({consumer}, {eventId}) ON CONFLICT DO NOTHING", cancellationToken) == 1;
}
