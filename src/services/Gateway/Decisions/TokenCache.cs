using System.Collections.Concurrent;
using SkyRiff.Kernel;
using SkyRiff.Resilience.Hashing;

namespace SkyRiff.Gateway.Decisions;

/// <summary>
/// Verified tokens by their bytes, found without a lock. Two generations bound it: when the young one is full it becomes the old one, and what is
/// still in use moves back. The hash is keyed, and the bytes are compared, so no token can stand for another.
/// </summary>
internal sealed class TokenCache
{
    private readonly SipHash _hash = SipHash.Keyed(Entropy.System);
    private readonly int _generationMax;
    private ConcurrentDictionary<ulong, Entry> _young = new();
    private ConcurrentDictionary<ulong, Entry> _old = new();
    private int _youngCount;

    public TokenCache(int tokensMax) => _generationMax = Math.Max(1, tokensMax / 2);

    public int Count => _young.Count + _old.Count;

    public Identity? Find(ReadOnlySpan<byte> token)
    {
        var hash = _hash.Hash(token);
        if (_young.TryGetValue(hash, out var entry)) return token.SequenceEqual(entry.Token) ? entry.Identity : null;
        if (!_old.TryGetValue(hash, out entry) || !token.SequenceEqual(entry.Token)) return null;
        Add(hash, entry);
        return entry.Identity;
    }

    public void Add(ReadOnlySpan<byte> token, Identity identity) => Add(_hash.Hash(token), new(token.ToArray(), identity));

    public void Clear()
    {
        _young = new();
        _old = new();
        _youngCount = 0;
    }

    private void Add(ulong hash, Entry entry)
    {
        if (Interlocked.Increment(ref _youngCount) > _generationMax)
        {
            _old = _young;
            _young = new();
            _youngCount = 1;
        }
        _young[hash] = entry;
    }

    private sealed record Entry(byte[] Token, Identity Identity);
}
