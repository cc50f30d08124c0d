namespace SkyRiff.Redis.Connections;

/// <summary>
/// Contiguous received bytes: filled at the end, consumed at the start, moved to the front when room is short. Grows to hold a frame of any size
/// allowed by its user, and shrinks back when it is empty.
/// </summary>
internal sealed class ReceiveBuffer
{
    public const int InitialBytes = 64 * 1024;
    private const int RetainedBytesMax = 256 * 1024;

    /// <summary>Less free room than this is not worth a receive.</summary>
    private const int RoomBytesMin = 4 * 1024;

    private byte[] _bytes = GC.AllocateUninitializedArray<byte>(InitialBytes);
    private int _start;
    private int _end;

    public ReadOnlySpan<byte> Unread => _bytes.AsSpan(_start, _end - _start);

    public int Capacity => _bytes.Length;

    public void Filled(int count) => _end += count;

    public void Consume(int count) => _start += count;

    /// <summary>Room for the next receive, such that the unread bytes can become <paramref name="wanted"/> long in one piece.</summary>
    public Memory<byte> Room(long wanted)
    {
        var unread = _end - _start;
        if (unread == 0)
        {
            (_start, _end) = (0, 0);
            if (_bytes.Length > RetainedBytesMax)
                _bytes = GC.AllocateUninitializedArray<byte>(InitialBytes);
        }

        if (unread + RoomBytesMin > _bytes.Length)
        {
            // Towards what is wanted, but only in proportion to what has really come: a header alone must not take memory.
            var length = (int)Math.Min(Array.MaxLength, Math.Clamp(wanted, _bytes.Length * 2L, _bytes.Length * 4L));
            var grown = GC.AllocateUninitializedArray<byte>(length);
            Unread.CopyTo(grown);
            (_bytes, _start, _end) = (grown, 0, unread);
        }
        else if (wanted <= RetainedBytesMax && wanted > _bytes.Length)
        {
            var grown = GC.AllocateUninitializedArray<byte>(RetainedBytesMax);
            Unread.CopyTo(grown);
            (_bytes, _start, _end) = (grown, 0, unread);
        }
        else if (_start > 0 && (_start + wanted > _bytes.Length || _bytes.Length - _end < RoomBytesMin))
        {
            Unread.CopyTo(_bytes);
            (_start, _end) = (0, unread);
        }

        return _bytes.AsMemory(_end);
    }
}
