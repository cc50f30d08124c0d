using SkyRiff.Kernel;

namespace SkyRiff.Resilience.Hashing;

/// <summary>
/// Random numbers for choices that happen at every call, where the operating system's generator is too slow: SplitMix64 (Steele, Lea and Flood,
/// 2014) over one shared counter, seeded from <see cref="Entropy"/>. Thread-safe; never for secrets.
/// </summary>
internal sealed class SplitMix
{
    private const ulong Gamma = 0x9E3779B97F4A7C15;

    private ulong _state;

    public SplitMix(Entropy entropy)
    {
        Span<byte> seed = stackalloc byte[8];
        entropy.Fill(seed);
        _state = BitConverter.ToUInt64(seed);
    }

    public ulong Next() => Mix(Interlocked.Add(ref _state, Gamma));

    /// <summary>0 .. <paramref name="bound"/>-1; uneven by at most bound / 2^32.</summary>
    public int Next(int bound) => (int)(((Next() >> 32) * (ulong)bound) >> 32);

    /// <summary>Spreads every bit of the input over the whole output; one to one.</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
