namespace SkyRiff.Gateway.ResponseCache;

/// <summary>A body on its way into the cache: as long as it is not whole, it counts against what all captures may hold.</summary>
internal sealed class BodyCapture(CaptureBudget budget, long bytesMax)
{
    private const int FirstBytes = 4096;

    private byte[] _bytes = [];

    public int Length { get; private set; }

    /// <summary>It grew too large, or there was no room: what follows is not kept.</summary>
    public bool IsGivenUp { get; private set; }

    public ReadOnlySpan<byte> Body => _bytes.AsSpan(0, Length);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (IsGivenUp || bytes.Length == 0) return;
        var needed = (long)Length + bytes.Length;
        if (needed > bytesMax || (needed > _bytes.Length && !TryGrow(needed)))
        {
            GiveUp();
            return;
        }
        bytes.CopyTo(_bytes.AsSpan(Length));
        Length += bytes.Length;
    }

    /// <summary>Gives the memory back; safe to call twice.</summary>
    public void GiveUp()
    {
        IsGivenUp = true;
        budget.Return(_bytes.Length);
        _bytes = [];
        Length = 0;
    }

    private bool TryGrow(long needed)
    {
        var size = (int)Math.Min(bytesMax, Math.Max(FirstBytes, Math.Max(needed, _bytes.Length * 2L)));
        if (!budget.TryTake(size - _bytes.Length)) return false;
        Array.Resize(ref _bytes, size);
        return true;
    }
}

/// <summary>Bytes that all captures together may hold.</summary>
internal sealed class CaptureBudget(long bytesMax)
{
    private long _used;

    public long BytesMax { get; set; } = bytesMax;

    public long Used => Volatile.Read(ref _used);

    public bool TryTake(long bytes)
    {
        if (Interlocked.Add(ref _used, bytes) <= BytesMax) return true;
        Interlocked.Add(ref _used, -bytes);
        return false;
    }

    public void Return(long bytes) => Interlocked.Add(ref _used, -bytes);
}
