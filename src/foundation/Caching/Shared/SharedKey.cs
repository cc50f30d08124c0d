using System.Text;

namespace SkyRiff.Caching.Shared;

/// <summary>A key as Redis has it, and the slot of its version in this process.</summary>
internal readonly record struct SharedKey(byte[] Bytes, int Slot)
{
    public override string ToString() => Encoding.UTF8.GetString(Bytes);
}

/// <summary>A value to be stored if the key still holds what <paramref name="Observed"/> says (see <see cref="Payloads.Envelope.NonceOf"/>).</summary>
internal readonly record struct SharedStore(SharedKey Key, byte[] Observed, byte[] Bytes, TimeSpan Lifetime);

internal enum StoreResult
{
    Stored,

    /// <summary>Somebody wrote or invalidated the key since it was observed.</summary>
    Fenced,

    /// <summary>Redis is away, or its answer is.</summary>
    Failed,
}
