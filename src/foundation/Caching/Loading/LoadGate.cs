namespace SkyRiff.Caching.Loading;

/// <summary>How many loads of a family run at a time and how many wait; the rest is refused at once.</summary>
internal sealed class LoadGate(int loadsMax, int waitingMax)
{
    private readonly SemaphoreSlim _places = new(loadsMax, loadsMax);
    private int _waiting;

    /// <summary>Without waiting.</summary>
    public bool TryEnter() => _places.Wait(0, CancellationToken.None);

    /// <summary>False when too many wait already.</summary>
    public async ValueTask<bool> EnterAsync(CancellationToken cancellation)
    {
        if (TryEnter())
            return true;
        if (Interlocked.Increment(ref _waiting) > waitingMax)
        {
            Interlocked.Decrement(ref _waiting);
            return false;
        }

        try
        {
            await _places.WaitAsync(cancellation);
            return true;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    public void Leave() => _places.Release();
}
