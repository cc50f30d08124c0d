using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Videos.Generating;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Generating;

public sealed class GenerationJobTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly GenerationRules Rules = new();
    private static readonly GenerationJob New = new() { Phase = Phase.Holding };

    private static readonly GenerationEvent[] Happy =
    [
        new GenerationEvent.Held(), new GenerationEvent.Submitting(), new GenerationEvent.Submitted("job"), new GenerationEvent.Done(), new GenerationEvent.Fetched(),
        new GenerationEvent.Checked(), new GenerationEvent.Packaged(), new GenerationEvent.Captured(),
    ];

    private static readonly GenerationEvent[] Events =
    [
        .. Happy, new GenerationEvent.HoldRefused(), new GenerationEvent.NotFoundAtProvider(), new GenerationEvent.Released(), new GenerationEvent.CancelRequested(),
        .. Enum.GetValues<FailureClass>().Select(kind => new GenerationEvent.Failed(new Failure(kind, "so"))),
    ];

    [Fact]
    public void The_straight_way_ends_ready_after_one_submission()
    {
        var job = Happy.Aggregate(New, (state, what) => state.After(what, Now, Rules) ?? throw new InvalidOperationException($"{what} in {state.Phase}"));
        (job.Phase, job.Submissions, job.ProviderJob, job.Failure, job.Deadline).ShouldBe((Phase.Ready, 1, "job", null, null));
    }

    [Fact]
    public void Whatever_happens_in_whatever_order_capturing_and_releasing_exclude_each_other_and_an_end_is_an_end()
    {
        var stories = Gen.ArrayOf(Gen.Elements(Events)).ToArbitrary();
        Prop.ForAll(stories, story =>
        {
            var job = New;
            var settledBy = Phase.Holding;
            foreach (var what in story)
            {
                var next = job.After(what, Now, Rules);
                if (next is null) continue;
                if (job.IsOver) return false;
                if (next.Phase is Phase.Capturing or Phase.Releasing)
                {
                    if (settledBy is not Phase.Holding && settledBy != next.Phase) return false;
                    settledBy = next.Phase;
                }
                if (next.Phase is Phase.Ready && settledBy is not Phase.Capturing) return false;
                if (next.Phase is Phase.Failed or Phase.Cancelled && settledBy is not Phase.Releasing) return false;
                if ((next.Phase is Phase.Failed && next.Failure is null) || (next.Phase is Phase.Cancelled && next.Failure is not null)) return false;
                if (next.IsOpen && next.Deadline is null) return false; // whatever is open ends by itself
                job = next;
            }
            return true;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3_000).WithEndSize(60));
    }

    [Fact]
    public void No_helper_queues_an_order_whose_hold_was_refused()
    {
        var withdrawn = New.After(new GenerationEvent.HoldRefused(), Now, Rules).ShouldNotBeNull();
        (withdrawn.Phase, withdrawn.IsWithdrawn).ShouldBe((Phase.Holding, true));
        withdrawn.After(new GenerationEvent.Held(), Now, Rules).ShouldBeNull();
        withdrawn.After(new GenerationEvent.HoldRefused(), Now, Rules).ShouldBeNull();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.01)]
    [InlineData(7)]
    public void A_provider_that_asks_for_no_patience_is_not_asked_in_a_circle(double asked)
    {
        var submitting = At(Phase.Submitting);
        var later = submitting.After(new GenerationEvent.Failed(new Failure(FailureClass.Throttled, "busy") { RetryAfter = TimeSpan.FromSeconds(asked) }), Now, Rules).ShouldNotBeNull();
        later.Wait.ShouldBe(TimeSpan.FromSeconds(Math.Max(1, asked)));
        (later.Phase, later.Submissions).ShouldBe((Phase.Queued, 0), "it was not counted");
    }

    [Fact]
    public void Being_put_off_does_not_move_the_deadline_of_the_queue()
    {
        var job = At(Phase.Submitting);
        var first = job.QueuedDeadline;
        for (var i = 1; i <= 5; i++)
        {
            var now = Now + TimeSpan.FromHours(i);
            job = job.After(new GenerationEvent.Failed(new Failure(FailureClass.Throttled, "busy")), now, Rules)!;
            job.Deadline.ShouldBe(first);
            job = job.After(new GenerationEvent.Submitting(), now, Rules)!;
        }
        At(Phase.Queued).AfterDeadline(first!.Value)!.Failure!.Class.ShouldBe(FailureClass.Expired);
    }

    [Theory]
    [InlineData(nameof(Phase.Fetching))]
    [InlineData(nameof(Phase.Checking))]
    [InlineData(nameof(Phase.Packaging))]
    public void What_fails_for_now_after_the_clip_was_made_is_fetched_again_not_bought_again(string phase)
    {
        var again = At(Enum.Parse<Phase>(phase)).After(new GenerationEvent.Failed(new Failure(FailureClass.Transient, "disk")), Now, Rules)!;
        (again.Phase, again.Submissions, again.ProviderJob, again.Transients).ShouldBe((Phase.Fetching, 1, "job", 1));
        again.Wait.ShouldBe(Rules.TransientDelayBase);
    }

    [Fact]
    public void Bad_output_is_bought_again_once_and_an_unanswered_create_call_never()
    {
        var again = At(Phase.Checking).After(new GenerationEvent.Failed(new Failure(FailureClass.BadOutput, "garbage")), Now, Rules)!;
        (again.Phase, again.ProviderJob, again.BadOutputs).ShouldBe((Phase.Queued, null, 1));
        (At(Phase.Checking) with { BadOutputs = 1 }).After(new GenerationEvent.Failed(new Failure(FailureClass.BadOutput, "garbage")), Now, Rules)!.Phase.ShouldBe(Phase.Releasing);

        At(Phase.Submitting).After(new GenerationEvent.NotFoundAtProvider(), Now, Rules)!.Phase.ShouldBe(Phase.Releasing);
        var overdue = At(Phase.Submitting).AfterDeadline(Now + Rules.SubmittingMax)!;
        (overdue.Phase, overdue.Failure!.Class).ShouldBe((Phase.Releasing, FailureClass.Lost));
    }

    [Theory]
    [InlineData(nameof(Phase.Capturing))]
    [InlineData(nameof(Phase.Ready))]
    [InlineData(nameof(Phase.Releasing))]
    [InlineData(nameof(Phase.Holding))]
    public void Neither_a_cancellation_nor_a_deadline_reaches_it_there(string name)
    {
        var phase = Enum.Parse<Phase>(name);
        var job = phase is Phase.Releasing ? At(Phase.Running).After(new GenerationEvent.CancelRequested(), Now, Rules)! : At(phase);
        job.After(new GenerationEvent.CancelRequested(), Now, Rules).ShouldBeNull();
        job.AfterDeadline(DateTimeOffset.MaxValue).ShouldBeNull();
    }

    private static GenerationJob At(Phase phase)
    {
        var job = New;
        foreach (var what in Happy)
        {
            if (job.Phase == phase) return job;
            job = job.After(what, Now, Rules)!;
        }
        return job.Phase == phase ? job : throw new ArgumentOutOfRangeException(nameof(phase), phase, "Not on the straight way.");
    }
}
