using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.Resilience.Limits;

/// <summary>The one timer of all local limits: walks over every limiter's shards, a full turn in <see cref="TurnDuration"/>.</summary>
public sealed class LimitSweeper(IReadOnlyList<KeyedLimiter> limiters, TimeProvider time, Entropy entropy, ILogger<LimitSweeper> logger)
    : SupervisedLoop("limits.sweep", time, entropy, logger)
{
    /// <summary>How long an idle key keeps its memory at most.</summary>
    public static readonly TimeSpan TurnDuration = TimeSpan.FromSeconds(16);

    private const int StepsPerTurn = 64;

    private readonly MonotonicClock _clock = new(time);

    /// <inheritdoc/>
    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(TurnDuration / StepsPerTurn, Time);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            foreach (var limiter in limiters) limiter.Sweep(_clock.Now, (limiter.Shards + StepsPerTurn - 1) / StepsPerTurn);
        }
    }
}
