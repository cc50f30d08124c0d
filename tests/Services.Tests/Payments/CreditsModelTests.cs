using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Payments;

/// <summary>Any sequence of calls, with any repetitions, answers what a small obvious model answers.</summary>
public sealed class CreditsModelTests(SharedPostgres shared) : PaymentsTest(shared)
{
    private enum Verb
    {
        Hold,
        Capture,
        Release,
        Open,
    }

    private sealed record Step(Verb Verb, int Generation, long Credits)
    {
        public static Arbitrary<Step[]> Sequences { get; } = Gen.ArrayOf(
                from verb in Gen.Frequency((4, Gen.Constant(Verb.Hold)), (2, Gen.Constant(Verb.Capture)), (2, Gen.Constant(Verb.Release)), (1, Gen.Constant(Verb.Open)))
                from generation in Gen.Choose(0, 3)
                from credits in Gen.Frequency((5, Gen.Choose(1, 90)), (1, Gen.Constant(0)), (1, Gen.Choose(150, 250)))
                select new Step(verb, generation, credits))
            .ToArbitrary();
    }

    /// <summary>The ledger in one screen: what a reader thinks that the contract says.</summary>
    private sealed class Model
    {
        private readonly Dictionary<int, Hold> _holds = [];
        private bool _open;

        public long Credits { get; private set; }

        public long Held { get; private set; }

        public object Do(Step step)
        {
            switch (step.Verb)
            {
                case Verb.Open:
                    if (!_open) Credits += StarterCredits;
                    _open = true;
                    return "opened";
                case Verb.Hold:
                    if (_holds.TryGetValue(step.Generation, out var known)) return known.State is HoldState.Held ? known : CreditProblems.Settled;
                    if (!_open || Credits < step.Credits) return CreditProblems.Insufficient;
                    (Credits, Held) = (Credits - step.Credits, Held + step.Credits);
                    return _holds[step.Generation] = new Hold(HoldState.Held, step.Credits);
                default:
                    var hold = _holds.GetValueOrDefault(step.Generation, new Hold(HoldState.Released, 0));
                    if (hold.State is HoldState.Held)
                    {
                        Held -= hold.Credits;
                        if (step.Verb is Verb.Release) Credits += hold.Credits;
                        hold = new Hold(step.Verb is Verb.Release ? HoldState.Released : HoldState.Captured, hold.Credits);
                    }
                    return _holds[step.Generation] = hold;
            }
        }
    }

    [Fact]
    public void Every_sequence_of_calls_answers_what_the_model_answers() =>
        Prop.ForAll(Step.Sequences, steps => RunAsync(steps).GetAwaiter().GetResult()).Check(Config.QuickThrowOnFailure.WithMaxTest(150).WithEndSize(40));

    private async Task<bool> RunAsync(Step[] steps)
    {
        var user = await NewUserAsync();
        var generations = new[] { await NewGenerationAsync(user), await NewGenerationAsync(user), await NewGenerationAsync(user), await NewGenerationAsync(user) };
        var model = new Model();
        foreach (var step in steps)
        {
            (await DoAsync(user, generations[step.Generation], step)).ShouldBe(model.Do(step), step.ToString());
            (await BalanceAsync(user)).ShouldBe((model.Credits, model.Held), step.ToString());
        }
        return true;
    }

    private async Task<object> DoAsync(UserId user, GenerationId generation, Step step)
    {
        switch (step.Verb)
        {
            case Verb.Open:
                await Credits.OpenWalletAsync(user, Ct);
                return "opened";
            case Verb.Hold:
                Outcome<Hold> outcome = await Credits.HoldAsync(user, generation, step.Credits, Ct);
                return outcome.Succeeded ? outcome.Value : outcome.Problem.Code;
            case Verb.Capture:
                return await Credits.CaptureAsync(user, generation, Ct);
            default:
                return await Credits.ReleaseAsync(user, generation, Ct);
        }
    }
}
