namespace SkyRiff.Caching.Local;

/// <summary>
/// Which local entries can be believed: those stored under the present epoch. A new one begins when invalidations may have been missed (the cache is
/// <i>detached</i> then: it holds what it reads only briefly) and another when they are told again.
/// <code>
///   detached: epoch n  --Restored-->  attached: epoch n + 1  --Lost-->  detached: epoch n + 2  ...
/// </code>
/// </summary>
internal sealed class TrustEpoch
{
    private int _epoch;

    /// <summary>Odd while attached.</summary>
    public int Epoch => Volatile.Read(ref _epoch);

    public bool IsAttached => IsAttachedIn(Epoch);

    public static bool IsAttachedIn(int epoch) => (epoch & 1) == 1;

    public void Attach() => Move(attached: true);

    public void Detach() => Move(attached: false);

    /// <summary>Distrusts everything that is stored, without a change of state.</summary>
    public void Renew() => Interlocked.Add(ref _epoch, 2);

    private void Move(bool attached)
    {
        while (true)
        {
            var epoch = Epoch;
            if (IsAttachedIn(epoch) == attached)
                return;
            if (Interlocked.CompareExchange(ref _epoch, epoch + 1, epoch) == epoch)
                return;
        }
    }
}
