namespace SkyRiff.Gateway.Lean;

/// <summary>
/// When requests of one loop are to be sent a second time. Apart from the <see cref="TimerWheel"/>, whose tick is longer than such waits; requests that are
/// answered in time stay in it until theirs has passed, which is soon.
/// </summary>
internal sealed class HedgeTimers
{
    /// <summary>With so many waiting, further requests are not hedged: there is load enough.</summary>
    private const int WaitingMax = 16 * 1024;

    private readonly PriorityQueue<(Exchange Exchange, int Serial), long> _waiting = new();

    public void Add(Exchange exchange, int serial, long at)
    {
        if (_waiting.Count < WaitingMax) _waiting.Enqueue((exchange, serial), at);
    }

    /// <summary>How long the loop may wait for events, in milliseconds.</summary>
    public int Patience(long now, int otherwise) => _waiting.TryPeek(out _, out var at) ? (int)Math.Clamp(at - now, 0, otherwise) : otherwise;

    public bool TryTakeDue(long now, out Exchange exchange, out int serial)
    {
        (exchange, serial) = (null!, 0);
        if (!_waiting.TryPeek(out _, out var at) || at > now) return false;
        (exchange, serial) = _waiting.Dequeue();
        return true;
    }
}
