using Microsoft.Extensions.Logging;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.Users.SigningIn;

/// <summary>Forgets sessions some time after they ended: until then an old refresh token is known for what it is. Any number may run.</summary>
internal sealed class SessionSweep(UsersDatabase database, TimeProvider time, Entropy entropy, ILogger<SessionSweep> logger)
    : SupervisedLoop("users.session_sweep", time, entropy, logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);
    private static readonly TimeSpan Retention = TimeSpan.FromDays(7);
    private const int BatchMax = 1_000;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        while (true)
        {
            foreach (var shard in database.Map.Shards)
            {
                try
                {
                    while (await SweepAsync(shard, stopping) == BatchMax)
                    {
                    }
                }
                catch (DataException failure) when (failure.IsTransient)
                {
                    Logger.LogWarning("{Loop} passes over {Shard}: {Reason}", Name, shard, failure.Message);
                }
            }
            // Jittered, so that a fleet does not sweep in step.
            await Task.Delay(Interval * (0.5 + Entropy.NextDouble()), Time, stopping);
        }
    }

    /// <summary>One batch; answers how many went.</summary>
    internal Task<int> SweepAsync(Shard shard, CancellationToken cancellationToken) => database.PrimaryAsync(shard, (sql, token) => sql.ExecuteAsync($"""
        DELETE FROM users.sessions WHERE id = ANY(ARRAY(
          SELECT id FROM users.sessions WHERE expires_at < now() - {Retention} OR revoked_at < now() - {Retention} LIMIT {BatchMax} FOR UPDATE SKIP LOCKED))
        """, token), cancellationToken);
}
