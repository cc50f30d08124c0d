using Npgsql;

namespace SkyRiff.Data;

/// <summary>
/// The commit together with what follows it, in one round trip: notices to listeners, and the log position that a replica must reach before it may answer
/// the writer. NOTIFY stands behind COMMIT and not before it: a transaction that notifies holds a server-wide lock until its commit is on disk, which would
/// end group commit. A notice that is lost is made up for by every listener's slow poll.
/// </summary>
internal static class AfterCommit
{
    /// <summary>Answers the log position if it was wanted. What fails behind the commit is no failure of the commit.</summary>
    public static async Task<long?> SendAsync(NpgsqlConnection connection, bool commit, IReadOnlyList<(string Channel, string Payload)> notices, bool wantPosition)
    {
        await using var batch = new NpgsqlBatch(connection);
        var commitCommand = new NpgsqlBatchCommand("COMMIT");
        if (commit) batch.BatchCommands.Add(commitCommand);
        if (notices.Count > 0)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand("SELECT count(pg_notify(channel, payload)) FROM unnest($1, $2) AS notice(channel, payload)")
            {
                Parameters =
                {
                    new NpgsqlParameter<string[]> { TypedValue = [.. notices.Select(notice => notice.Channel)] },
                    new NpgsqlParameter<string[]> { TypedValue = [.. notices.Select(notice => notice.Payload)] },
                },
            });
        }
        if (wantPosition) batch.BatchCommands.Add(new NpgsqlBatchCommand("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"));
        try
        {
            await using var reader = await batch.ExecuteReaderAsync(CancellationToken.None);
            if (!wantPosition) return null;
            if (notices.Count > 0) await reader.NextResultAsync(CancellationToken.None);
            return await reader.ReadAsync(CancellationToken.None) ? reader.GetInt64(0) : null;
        }
        catch (PostgresException failure) when (failure.BatchCommand != commitCommand)
        {
            return null;
        }
    }
}
