using SkyRiff.Kernel.Idempotency;

namespace SkyRiff.Data;

/// <summary>What the ledger knows of a request that was made repeatable.</summary>
public abstract record IdempotencyClaim
{
    private IdempotencyClaim()
    {
    }

    /// <summary>The first of its kind: have the effect and store the reply, in this transaction.</summary>
    public sealed record Fresh : IdempotencyClaim
    {
        internal static Fresh Instance { get; } = new();
    }

    /// <summary>It was answered before: send this, byte for byte.</summary>
    public sealed record Replay(StoredReply Reply) : IdempotencyClaim;

    /// <summary>It was begun and committed without a reply so far: its effect takes several transactions.</summary>
    public sealed record Pending : IdempotencyClaim
    {
        internal static Pending Instance { get; } = new();
    }

    /// <summary>The key was used for another request.</summary>
    public sealed record Mismatch : IdempotencyClaim
    {
        internal static Mismatch Instance { get; } = new();
    }
}

/// <summary>
/// Makes POSTs repeatable, in the table of <c>--: include idempotency</c>. The claim, the effect and the reply are one transaction: a crash leaves all of them or none.
/// A parallel request with the same key waits in <see cref="ClaimAsync"/> for the first one's transaction. Kept for 48 hours.
/// </summary>
public static class IdempotencyLedger
{
    /// <summary>How long a key is remembered.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromHours(48);

    /// <summary>
    /// Takes the key for the caller's transaction, or tells what became of it. Keys of different owners have nothing to do with each other.
    /// The transaction must be READ COMMITTED, as ours are.
    /// </summary>
    public static async Task<IdempotencyClaim> ClaimAsync(SqlSession session, long owner, IdempotencyKey key, CancellationToken cancellationToken)
    {
        while (true)
        {
            var inserted = await session.ExecuteAsync(
                $"INSERT INTO {session.Schema}.idempotency (owner, key, fingerprint) VALUES ({owner}, {key.Key}, {key.Fingerprint}) ON CONFLICT DO NOTHING", cancellationToken);
            if (inserted == 1) return IdempotencyClaim.Fresh.Instance;

            var known = await FindAsync(session, owner, key, cancellationToken);
            if (known is null) continue; // swept between the two statements
            if (!known.Fingerprint.AsSpan().SequenceEqual(key.Fingerprint)) return IdempotencyClaim.Mismatch.Instance;
            return known.Reply is { } reply ? new IdempotencyClaim.Replay(reply) : IdempotencyClaim.Pending.Instance;
        }
    }

    /// <summary>
    /// Stores the reply of a claimed key, unless one is stored already; answers the one that is stored, which is the one to send.
    /// </summary>
    public static Task<StoredReply> StoreAsync(SqlSession session, long owner, IdempotencyKey key, StoredReply reply, CancellationToken cancellationToken) =>
        session.SingleAsync($"""
            UPDATE {session.Schema}.idempotency SET status = coalesce(status, {(short)reply.Status}), reply = coalesce(reply, {reply.Body})
            WHERE owner = {owner} AND key = {key.Key}
            RETURNING status, reply
            """, row => new StoredReply(row.Short(0), row.Bytes(1)), cancellationToken);

    /// <summary>The reply that is stored for this very request, if any; claims nothing.</summary>
    public static async Task<StoredReply?> FindReplyAsync(SqlSession session, long owner, IdempotencyKey key, CancellationToken cancellationToken) =>
        await FindAsync(session, owner, key, cancellationToken) is { } known && known.Fingerprint.AsSpan().SequenceEqual(key.Fingerprint) ? known.Reply : null;

    private static Task<Known?> FindAsync(SqlSession session, long owner, IdempotencyKey key, CancellationToken cancellationToken) => session.FirstAsync(
        $"SELECT fingerprint, status, reply FROM {session.Schema}.idempotency WHERE owner = {owner} AND key = {key.Key}",
        row => new Known(row.Bytes(0), row.IsNull(1) ? null : new StoredReply(row.Short(1), row.Bytes(2))), cancellationToken);

    private sealed record Known(byte[] Fingerprint, StoredReply? Reply);
}
