using SkyRiff.Gateway.Decisions;
using SkyRiff.Resilience;
using Outcome = SkyRiff.Resilience.Calls.Verdict;

namespace SkyRiff.Gateway.Kestrel;

/// <summary>A request at one target, of two that may be asked.</summary>
internal abstract class Contender(Target target, long began) : IAsyncDisposable
{
    public Target Target { get; } = target;

    public long Began { get; } = began;

    /// <summary>Ends with the answer's head: true when it is good. Fails when there is none.</summary>
    public abstract Task<bool> Answering { get; }

    /// <summary>What it says about the target that it did not answer well.</summary>
    public virtual Outcome OutcomeOfLoss => Outcome.Failed;

    /// <summary>Gives up at once, which frees the upstream; nothing of it runs any more afterwards. After a good answer, its owner's cleaning up.</summary>
    public abstract ValueTask DisposeAsync();
}

/// <summary>
/// Hedging: the same request at two targets. Whoever begins a good answer first is the upstream from then on, and the other is dropped; one that is lost, or
/// fails while the other may still answer, only leaves the race.
/// </summary>
internal sealed class HedgeRace(MonotonicClock clock, TimeProvider time)
{
    public long Now => clock.Now;

    /// <summary>
    /// Who is to be waited for, which may be <paramref name="first"/> alone. When it is the second, the call's verdict and times have become its, and the first's end was
    /// told; the end of who is returned is the caller's to tell.
    /// </summary>
    /// <param name="limit">Ends both.</param>
    public async Task<T> RunAsync<T>(ForwardedCall call, T first, TimeSpan timeout, Func<Target, T> ask, CancellationToken limit)
        where T : Contender
    {
        var (verdict, hedging) = (call.Verdict, call.Verdict.Route!.Hedging!);
        if (!await IsDueAsync(call.Kept, first.Answering, hedging.Delay, limit) || Hedging.BeginSecond(verdict, Now) is not { } target) return first;
        call.IsHedged = true;
        verdict.RemainingMilliseconds = Math.Max(1, (long)timeout.TotalMilliseconds - ((Now - first.Began) / 1_000_000));
        hedging.OnSent();
        var second = ask(target);
        var earlier = await Task.WhenAny(first.Answering, second.Answering);
        if (limit.IsCancellationRequested)
        {
            await LeaveAsync(verdict, second, Outcome.Abandoned);
            return first; // it has ended too, and says how
        }
        var isGood = earlier.IsCompletedSuccessfully && await earlier;
        var isSecondLeft = (earlier == second.Answering) == isGood;
        var loser = isSecondLeft ? first : second;
        await LeaveAsync(verdict, loser, isGood ? Outcome.Abandoned : loser.OutcomeOfLoss);
        if (!isSecondLeft) return first;
        if (isGood) hedging.OnWon();
        (verdict.Target, call.AttemptBegan) = (second.Target, second.Began);
        return second;
    }

    /// <summary>The wait is over, the first has said nothing, and all of the request is there to be sent again.</summary>
    private async Task<bool> IsDueAsync(KeptBody? body, Task answering, TimeSpan delay, CancellationToken limit)
    {
        using var answered = CancellationTokenSource.CreateLinkedTokenSource(limit);
        var due = WaitAsync(body, delay, answered.Token);
        if (await Task.WhenAny(answering, due) == due) return due.IsCompletedSuccessfully && await due && !answering.IsCompleted;
        await answered.CancelAsync();
        await ((Task)due).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return false;
    }

    private async Task<bool> WaitAsync(KeptBody? body, TimeSpan delay, CancellationToken cancellationToken)
    {
        if (body is not null && !await body.Whole.WaitAsync(cancellationToken)) return false;
        await Task.Delay(delay, time, cancellationToken);
        return true;
    }

    private async Task LeaveAsync(EdgeVerdict verdict, Contender leaving, Outcome outcome)
    {
        await leaving.DisposeAsync();
        verdict.Arm!.Cluster.State.Group.End(leaving.Target.Endpoint, outcome, Now - leaving.Began, Now);
    }
}
