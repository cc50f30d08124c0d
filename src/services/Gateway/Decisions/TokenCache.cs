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

/// <summary>Users whose tokens from before a moment no longer count (a ban, a sign-out everywhere). Bounded: the oldest are forgotten, after every token of theirs has expired.</summary>
internal sealed class Revocations
{
    private const int UsersMax = 1_000_000;

    private readonly ConcurrentDictionary<ulong, long> _before = new();

    /// <summary>Tokens of the user that were issued before <paramref name="nowSeconds"/> are refused from now on.</summary>
    public void Revoke(ReadOnlySpan<byte> user, long nowSeconds)
    {
        if (_before.Count >= UsersMax) Forget(nowSeconds);
        _before[SipHash.Stable.Hash(user)] = nowSeconds;
    }

    public bool IsRevoked(Identity identity) => !_before.IsEmpty && _before.TryGetValue(identity.Hash, out var before) && identity.IssuedAt <= before;

    private void Forget(long nowSeconds)
    {
        foreach (var (user, before) in _before)
        {
            if (before < nowSeconds - 86_400) _before.TryRemove(user, out _);
        }
    }
}
