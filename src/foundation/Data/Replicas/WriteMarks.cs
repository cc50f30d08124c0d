using SkyRiff.Kernel.Ids;

namespace SkyRiff.Data;

/// <summary>
/// The log position of this process's last write into each slot: 8 KB, whatever the number of users. Neighbours in a slot share a mark, which costs them
/// a read of the primary now and then.
/// </summary>
internal sealed class WriteMarks
{
    private readonly long[] _positions = new long[Id.SlotCount];

    public long Of(int slot) => Volatile.Read(ref _positions[slot]);

    public void Wrote(int slot, long position)
    {
        var known = Of(slot);
        while (position > known)
        {
            var seen = Interlocked.CompareExchange(ref _positions[slot], position, known);
            if (seen == known) return;
            known = seen;
        }
    }
}
