using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Kernel;
using Xunit;

namespace SkyRiff.Foundation.Tests.Kernel;

public sealed class EntropyTests
{
    [Fact]
    public void A_seed_replays_and_another_does_not()
    {
        var (one, two, other) = (Entropy.Seeded(7), Entropy.Seeded(7), Entropy.Seeded(8));
        var sequence = Enumerable.Range(0, 20).Select(_ => one.NextDouble()).ToList();
        Enumerable.Range(0, 20).Select(_ => two.NextDouble()).ShouldBe(sequence);
        Enumerable.Range(0, 20).Select(_ => other.NextDouble()).ShouldNotBe(sequence);
    }

    [Fact]
    public void Secrets_are_long_url_safe_and_never_the_same()
    {
        var secrets = Enumerable.Range(0, 1_000).Select(_ => Entropy.System.NextSecret(32)).ToList();
        secrets.Distinct().Count().ShouldBe(1_000);
        secrets.ShouldAllBe(secret => secret.Length == 43 && secret.All(character => char.IsAsciiLetterOrDigit(character) || character == '-' || character == '_'));
    }

    [Fact]
    public void Numbers_stay_in_their_bounds() => Prop.ForAll(Gen.Choose(int.MinValue, int.MaxValue).Two().ToArbitrary(), pair =>
    {
        var entropy = Entropy.Seeded(pair.Item1);
        var bound = 1 + (pair.Item2 & 0xFFFFFF);
        return entropy.Next(bound) is var number && number >= 0 && number < bound && entropy.NextDouble() is >= 0 and < 1;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Backoff_doubles_its_ceiling_up_to_the_maximum_and_jitters_all_the_way_down()
    {
        var (start, max) = (TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5));
        for (var attempt = 0; attempt < 200; attempt += attempt < 10 ? 1 : 50)
        {
            var entropy = Entropy.Seeded(attempt);
            var ceiling = Math.Min(max.TotalMilliseconds, start.TotalMilliseconds * Math.Pow(2, attempt));
            var waits = Enumerable.Range(0, 500).Select(_ => entropy.Backoff(start, max, attempt).TotalMilliseconds).ToList();
            waits.ShouldAllBe(wait => wait >= 0 && wait <= ceiling);
            waits.Max().ShouldBeGreaterThan(ceiling * 0.9);
            waits.Min().ShouldBeLessThan(ceiling * 0.1);
        }
    }
}
