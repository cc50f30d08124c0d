namespace SkyRiff.Gateway.ResponseCache;

/// <summary>
/// A request on its way to the upstream whose response others wait for (collapsed forwarding, RFC 9111 section 4). Whoever leads it ends it, once, whatever happens;
/// those who wait then look into the cache again.
/// </summary>
internal sealed class Flight(FlightKey key)
{
    private readonly Lock _gate = new();
    private List<Action>? _waiting;
    private bool _isOver;

    public FlightKey Key { get; } = key;

    public int Waiting
    {
        get
        {
            lock (_gate) return _waiting?.Count ?? 0;
        }
    }

    /// <summary>False when it is over, or as many wait as may. <paramref name="wake"/> is called once, on any thread, and must not block.</summary>
    public bool TryWait(Action wake, int waitersMax)
    {
        lock (_gate)
        {
            if (_isOver || _waiting?.Count >= waitersMax) return false;
            (_waiting ??= []).Add(wake);
            return true;
        }
    }

    /// <summary>It waits no longer; nothing when it was woken already.</summary>
    public void StopWaiting(Action wake)
    {
        lock (_gate) _waiting?.Remove(wake);
    }

    public void End()
    {
        List<Action>? waiting;
        lock (_gate)
        {
            _isOver = true;
            (waiting, _waiting) = (_waiting, null);
        }
        if (waiting is null) return;
        foreach (var wake in waiting) wake();
    }
}

/// <summary>Requests that one response may answer: same address, same route, and credentials or none.</summary>
internal readonly record struct FlightKey(ulong Address, int Generation, bool IsHttps, bool HasCredentials);
