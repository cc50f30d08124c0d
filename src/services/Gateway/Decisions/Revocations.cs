using System.Collections.Concurrent;
using SkyRiff.Resilience.Hashing;

namespace SkyRiff.Gateway.Decisions;

/// <summary>
/// What no longer counts although it has not expired: a user's tokens up to a moment (a ban, a sign-out everywhere), or a session's (a sign-out on one device).
/// Bounded: when it is full, the oldest are forgotten, first those whose tokens have all expired.
/// </summary>
internal sealed class Revocations(int entriesMax = 1_000_000)
{
    /// <summary>No token may live longer than this after it was issued, or it outlives its revocation.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(1);

    private readonly ConcurrentDictionary<ulong, long> _users = new();
    private readonly ConcurrentDictionary<ulong, long> _sessions = new();

    public int Count => _users.Count + _sessions.Count;

    /// <summary>Tokens of the user that were issued at or before <paramref name="seconds"/> (Unix time) are refused from now on.</summary>
    public void RevokeUser(ReadOnlySpan<byte> user, long seconds) => Add(_users, SipHash.Stable.Hash(user), seconds);

    /// <summary>Tokens of the session (claim <c>sid</c>) are refused from now on.</summary>
    public void RevokeSession(ReadOnlySpan<byte> session, long seconds) => Add(_sessions, SipHash.Stable.Hash(session), seconds);

    public bool IsRevoked(Identity identity) =>
        (!_users.IsEmpty && _users.TryGetValue(identity.Hash, out var before) && identity.IssuedAt <= before)
        || (identity.Session != 0 && !_sessions.IsEmpty && _sessions.ContainsKey(identity.Session));

    private void Add(ConcurrentDictionary<ulong, long> entries, ulong key, long seconds)
    {
        if (entries.TryGetValue(key, out var known))
        {
            if (seconds > known) entries[key] = seconds;
            return;
        }
        for (var age = (long)Lifetime.TotalSeconds; Count >= entriesMax; age /= 2)
        {
            Forget(_users, seconds - age);
            Forget(_sessions, seconds - age);
            if (age == 0 && Count >= entriesMax) return; // it is older than all that are there
        }
        entries[key] = seconds;
    }

    private static void Forget(ConcurrentDictionary<ulong, long> entries, long before)
    {
        foreach (var (key, seconds) in entries)
        {
            if (seconds <= before) entries.TryRemove(key, out _);
        }
    }
}
