using System.Security.Cryptography;

namespace SkyRiff.Kernel;

/// <summary>
/// Where randomness comes from, so that what decides can be replayed from a seed. <see cref="System"/> is the operating system's
/// generator; <see cref="Seeded"/> is for tests and simulation and must never make a secret.
/// </summary>
public abstract class Entropy
{
    public static Entropy System { get; } = new OperatingSystem();

    public static Entropy Seeded(int seed) => new Replayable(seed);

    public abstract void Fill(Span<byte> bytes);

    /// <summary>Uniform in 0 .. <paramref name="bound"/>-1.</summary>
    public abstract int Next(int bound);

    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble()
    {
        Span<byte> bytes = stackalloc byte[8];
        Fill(bytes);
        return (BitConverter.ToUInt64(bytes) >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>A URL-safe secret of <paramref name="byteCount"/> random bytes.</summary>
    public string NextSecret(int byteCount)
    {
        Span<byte> bytes = stackalloc byte[byteCount];
        Fill(bytes);
        return global::System.Buffers.Text.Base64Url.EncodeToString(bytes);
    }

    /// <summary>Exponential backoff with full jitter: uniform in 0 .. min(<paramref name="max"/>, base * 2^attempt). AWS Architecture Blog, 2015.</summary>
    public TimeSpan Backoff(TimeSpan baseDelay, TimeSpan max, int attempt)
    {
        var ceiling = Math.Min(max.TotalMilliseconds, baseDelay.TotalMilliseconds * Math.Pow(2, Math.Min(attempt, 30)));
        return TimeSpan.FromMilliseconds(NextDouble() * ceiling);
    }

    private sealed class OperatingSystem : Entropy
    {
        public override void Fill(Span<byte> bytes) => RandomNumberGenerator.Fill(bytes);

        public override int Next(int bound) => RandomNumberGenerator.GetInt32(bound);
    }

    private sealed class Replayable(int seed) : Entropy
    {
        private readonly Lock _lock = new();
        private readonly Random _random = new(seed);

        public override void Fill(Span<byte> bytes)
        {
            lock (_lock) _random.NextBytes(bytes);
        }

        public override int Next(int bound)
        {
            lock (_lock) return _random.Next(bound);
        }
    }
}
