namespace SkyRiff.Resilience.Calls;

/// <summary>When a second call is sent after the first.</summary>
public sealed record HedgeOptions
{
    /// <summary>How long a try may be without an answer before the next is sent too; set it near the callee's 95th percentile. Default 100 ms.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Calls at the same time for one answer, the first included; 2 .. 5, default 2.</summary>
    public int TriesMax { get; init; } = 2;
}

/// <summary>
/// Hedged requests (Dean and Barroso, "The Tail at Scale", 2013): whoever answers well first wins, the others are cancelled. Only for calls that
/// may run twice. A try that fails starts the next at once; hedges are paid from the same budget as retries.
/// </summary>
public sealed class Hedge
{
    private readonly HedgeOptions _options;
    private readonly TimeProvider _time;
    private readonly RetryBudget _budget;

    public Hedge(HedgeOptions options, RetryBudget budget, TimeProvider time)
    {
        if (options.TriesMax is < 2 or > 5) throw new ArgumentOutOfRangeException(nameof(options), options.TriesMax, "TriesMax is 2 to 5.");
        if (options.Delay < TimeSpan.Zero || options.Delay > TimeSpan.FromHours(1)) throw new ArgumentOutOfRangeException(nameof(options), options.Delay, "Delay is 0 to an hour.");
        (_options, _budget, _time) = (options, budget, time);
    }

    /// <summary>
    /// The first good answer; if there is none, the last try's answer or exception. Tries are numbered from 0, so that each can go to another callee.
    /// Every try has ended before this returns.
    /// </summary>
    public async Task<T> ExecuteAsync<T>(Func<int, CancellationToken, Task<T>> call, Judge<T> judge, CancellationToken cancellationToken)
    {
        using var losers = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = new List<Task<T>>(_options.TriesMax);
        var tries = 0;
        try
        {
            Start();
            while (true)
            {
                var canHedge = tries < _options.TriesMax;
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                var timer = canHedge ? Task.Delay(_options.Delay, _time, patience.Token) : Task.Delay(Timeout.InfiniteTimeSpan, patience.Token);
                var first = await Task.WhenAny([.. running, timer]);
                await patience.CancelAsync();
                if (first == timer)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    TryStart();
                    continue;
                }
                var ended = (Task<T>)first;
                running.Remove(ended);
                var verdict = ended.IsCompletedSuccessfully ? judge(await ended) : ended.IsCanceled ? Verdict.Abandoned : CallPipeline.JudgeException(ended.Exception!.InnerException!);
                if (verdict != Verdict.Failed) return await ended;
                if (!TryStart() && running.Count == 0) return await ended;
            }
        }
        finally
        {
            await losers.CancelAsync();
            await ((Task)Task.WhenAll(running)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        void Start() => running.Add(call(tries++, losers.Token));

        bool TryStart()
        {
            if (tries >= _options.TriesMax) return false;
            if (!_budget.TryTake())
            {
                tries = _options.TriesMax; // no second asking: an empty budget means that much is failing
                return false;
            }
            Start();
            return true;
        }
    }
}
