using System.Numerics;

namespace SkyRiff.Caching.Local;

/// <summary>
/// Finds which share of the tier newcomers get, by regret: it remembers who left either queue lately, and when such a one is asked for again, the queue that let it go should
/// have been larger (the ghosts of ARC; Megiddo and Modha, 2003). Each remembers the last <see cref="DepthShare"/> of the tier that left it, so what is compared is what either
/// would gain from as much more room. A regret of the window moves the border by twice the entry, one of main back; and every newcomer pulls a little towards a small window,
/// so that a large one must prove itself again and again: a loop that is longer than the tier, which the queues hardly regret, is got hold of sooner by that. Needs no
/// count of hits. Pure.
/// </summary>
internal sealed class WindowBalance
{
    private const double InitialShare = 0.01;
    private const double ShareMin = 0.01;

    /// <summary>All but this is nearly LRU, which is best while what is new is what is asked for.</summary>
    private const double ShareMax = 0.99;

    /// <summary>
    /// With the next two chosen by the hit rates of the cache benchmark and their variants, over one or two seeds. Deeper memories take a loop that is a little longer than the
    /// tier for something that a larger window would hold.
    /// </summary>
    private const double DepthShare = 0.125;

    private const double MovesPerRegret = 2;
    private const double PullPerNewcomer = 0.003;

    private const int SlotsMin = 1024;

    /// <summary>16 MiB. Where there are more entries than this, some are forgotten early, of both queues alike.</summary>
    private const int SlotsMax = 1 << 20;

    private readonly long _weightMax;
    private readonly long _depth;
    private Ghost[] _ghosts = new Ghost[SlotsMin];
    private double _window;

    /// <summary>Weight of all that ever left the window, and main: the clocks by which ghosts are old.</summary>
    private long _leftWindow;
    private long _leftMain;

    public WindowBalance(long weightMax)
    {
        _weightMax = weightMax;
        _depth = (long)(weightMax * DepthShare);
        _window = weightMax * InitialShare;
    }

    /// <summary>Weight that the window may have.</summary>
    public long WindowMax => (long)_window;

    /// <summary>Somebody was asked for who was not there.</summary>
    public void OnNewcomer(ulong hash, int weight, int entries)
    {
        if (entries > _ghosts.Length && _ghosts.Length < SlotsMax)
            _ghosts = new Ghost[Math.Min(SlotsMax, (int)BitOperations.RoundUpToPowerOf2((uint)entries))];

        var moves = -PullPerNewcomer;
        ref var ghost = ref SlotOf(hash);
        if (ghost.Hash == hash && ghost.LeftAt != 0)
        {
            if (ghost.LeftAt > 0 && _leftWindow - ghost.LeftAt < _depth)
                moves += MovesPerRegret;
            else if (ghost.LeftAt < 0 && _leftMain + ghost.LeftAt < _depth)
                moves -= MovesPerRegret;
            ghost = default;
        }

        _window = Math.Clamp(_window + (moves * weight), _weightMax * ShareMin, _weightMax * ShareMax);
    }

    /// <summary>Refused by main when the window had no more room for it.</summary>
    public void OnLeftWindow(ulong hash, int weight) => SlotOf(hash) = new Ghost(hash, _leftWindow += weight);

    /// <summary>Made room for another one.</summary>
    public void OnLeftMain(ulong hash, int weight) => SlotOf(hash) = new Ghost(hash, -(_leftMain += weight));

    /// <summary>One place per hash: whoever comes later takes it.</summary>
    private ref Ghost SlotOf(ulong hash) => ref _ghosts[(int)(hash >> 32) & (_ghosts.Length - 1)];

    /// <summary>Positive: the window's clock when it left that; negative: main's. Zero: nobody.</summary>
    private readonly record struct Ghost(ulong Hash, long LeftAt);
}
