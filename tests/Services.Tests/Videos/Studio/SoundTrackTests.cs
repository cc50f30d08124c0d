using System.Buffers.Binary;
using Shouldly;
using SkyRiff.Videos.Providers.Studio;
using SkyRiff.Videos.Providers.Studio.Sound;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Studio;

public sealed class SoundTrackTests
{
    [Theory]
    [InlineData("sea")]
    [InlineData("campfire")]
    [InlineData("neon city")]
    [InlineData("planet")]
    [InlineData("forest at night")]
    [InlineData("desert")]
    [InlineData("thunderstorm")]
    [InlineData("reef")]
    [InlineData("meadow")]
    [InlineData("abstract")]
    public void Every_place_is_heard_without_clipping_from_silence_to_silence(string prompt)
    {
        var wave = SoundTrack.Of(SceneScript.Of(prompt, 3), 2);
        var samples = Samples(wave);

        samples.Length.ShouldBe(2 * 48_000 * 2);
        samples.Max(sample => Math.Abs((int)sample)).ShouldBeInRange(2_000, 20_000);
        Math.Abs((int)samples[0]).ShouldBeLessThan(50);
        Math.Abs((int)samples[^1]).ShouldBeLessThan(50);
        Math.Sqrt(samples.Average(sample => (double)sample * sample)).ShouldBeGreaterThan(250);
    }

    [Fact]
    public void The_same_script_sounds_the_same_and_another_does_not()
    {
        var wave = SoundTrack.Of(SceneScript.Of("sea", 3), 1);

        SoundTrack.Of(SceneScript.Of("sea", 3), 1).ShouldBe(wave);
        SoundTrack.Of(SceneScript.Of("sea", 4), 1).ShouldNotBe(wave);
    }

    private static short[] Samples(byte[] wave) =>
        Enumerable.Range(0, (wave.Length - 44) / 2).Select(i => BinaryPrimitives.ReadInt16LittleEndian(wave.AsSpan(44 + (i * 2)))).ToArray();
}
