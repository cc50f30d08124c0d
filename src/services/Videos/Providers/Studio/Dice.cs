namespace SkyRiff.Videos.Providers.Studio;

/// <summary>Numbers that follow from a seed and from nothing else, on any machine and runtime: SplitMix64 (Steele, Lea, Flood 2014).</summary>
internal sealed class Dice(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        unchecked
        {
            var z = _state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }

    /// <summary>0 or more, below 1.</summary>
    public float Share() => (Next() >> 40) * (1f / (1 << 24));

    public float Between(float low, float high) => low + ((high - low) * Share());

    /// <summary>0 .. <paramref name="count"/>-1.</summary>
    public int Pick(int count) => (int)(Next() % (ulong)count);

    public T Of<T>(params ReadOnlySpan<T> choices) => choices[Pick(choices.Length)];

    public bool Chance(float share) => Share() < share;
}
