using Npgsql;

namespace SkyRiff.Data;

/// <summary>
/// The commit together with what follows it, in one round trip. NOTIFY stands behind COMMIT and not before it: a transaction that notifies holds a
/// server-wide lock until its commit is on disk, which would end group commit. A notice that is lost is made up for by every listener's slow poll.
/// </summary>
internal static class AfterCommit
{
    public static async Task SendAsync(NpgsqlConnection connection, bool commit, IReadOnlyList<(string Channel, string Payload)> notices)
    {
        await using var batch = new NpgsqlBatch(connection);
        if (commit) batch.BatchCommands.Add(new NpgsqlBatchCommand("COMMIT"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand("SELECT pg_notify(channel, payload) FROM unnest($1, $2) AS notice(channel, payload)")
        {
            Parameters =
            {
                new NpgsqlParameter<string[]> { TypedValue = [.. notices.Select(notice => notice.Channel)] },
                new NpgsqlParameter<string[]> { TypedValue = [.. notices.Select(notice => notice.Payload)] },
            },
        });
        await batch.ExecuteNonQueryAsync(CancellationToken.None);
    }
}
