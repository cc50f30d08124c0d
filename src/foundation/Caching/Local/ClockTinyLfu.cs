namespace SkyRiff.Caching.Local;

/// <summary>
/// Which entries stay when there is no room for all: W-TinyLFU (Einziger, Friedman and Manes, 2017) over clocks instead of LRU lists, so that a hit
/// writes one byte of its own entry and nothing that is shared.
/// <code>
///   new: [ window ] touched: once more round
///                   untouched: more popular than who must go for it? yes: [ main ] touched: once more round
///                                                                    no: out         untouched: victim
/// </code>
/// Popularity is the sketch's estimate; touches are poured into it when the policy looks at an entry. A candidate must be worth more than all the
/// victims whose bytes it needs together (aggregated victims; Einziger, Eytan, Friedman and Manes, 2022). The window's share adapts
/// (<see cref="WindowBalance"/>). Not thread-safe, no clock.
/// </summary>
internal sealed class ClockTinyLfu
{
    /// <summary>How many touched entries a queue's hand passes by per decision; then it takes what it finds.</summary>
    private const int SecondChancesMax = 128;

    /// <summary>Entries that go over from main per newcomer when the window grows.</summary>
    private const int MovesMax = 8;

    /// <summary>A popular loser gets in once in this many times, so that colliding keys cannot keep others out for ever.</summary>
    private const int LuckyOneIn = 128;

    private const int PopularFrom = 6;
    private const int SketchEntriesMin = 1024;

    private readonly EntryQueue _window = new(EntryQueueName.Window);
    private readonly EntryQueue _main = new(EntryQueueName.Main);
    private readonly WindowBalance _balance;
    private readonly FrequencySketch _sketch = new(SketchEntriesMin);
    private readonly List<LocalEntry> _victims = [];
    private readonly long _weightMax;
    private ulong _luck = 0x9E3779B97F4A7C15;

    public ClockTinyLfu(long weightMax)
    {
        _weightMax = weightMax;
        _balance = new WindowBalance(weightMax);
    }

    public long Weight => _window.Weight + _main.Weight;

    public int Count => _window.Count + _main.Count;

    /// <summary>
    /// Takes an entry in and tells in <paramref name="evicted"/> who has to leave for it; never itself, if it fits at all: who asks for it next, right after its load, must find it.
    /// </summary>
    public void Add(LocalEntry entry, List<LocalEntry> evicted)
    {
        _sketch.Grow(Count + 1);
        _sketch.Add(entry.Hash, 1);
        _balance.OnNewcomer(entry.Hash, entry.Weight, Count + 1);
        _window.Push(entry);

        // A larger window is filled by what main gives up first.
        for (var moves = 0; moves < MovesMax && _main.Weight > _weightMax - _balance.WindowMax && _main.Tail is { } oldest; moves++)
        {
            _main.Remove(oldest);
            _window.Push(oldest);
        }

        Shrink(entry, evicted);
    }

    /// <summary>Harmless for an entry that has left already.</summary>
    public void Remove(LocalEntry entry)
    {
        if (entry.Queue == EntryQueueName.Window)
            _window.Remove(entry);
        else if (entry.Queue == EntryQueueName.Main)
            _main.Remove(entry);
    }

    /// <summary>The hottest first, as far as the policy knows; for tests and the operator's page.</summary>
    public int Popularity(LocalEntry entry) => Math.Min(FrequencySketch.EstimateMax, _sketch.Estimate(entry.Hash) + entry.Touches);

    private void Shrink(LocalEntry newest, List<LocalEntry> evicted)
    {
        var chances = SecondChancesMax;
        while (Weight > _weightMax || (_window.Weight > _balance.WindowMax && _window.Count > 1))
        {
            // The newest has its place in the window, however small that is.
            var candidate = ReferenceEquals(_window.Tail, newest) ? newest.QueuePrevious : _window.Tail;
            if (candidate is null)
            {
                if (TryFindVictims(Weight - _weightMax, worth: int.MaxValue))
                    Leave(evicted);
                return;
            }

            if (candidate.Touches > 0 && chances-- > 0)
            {
                Harvest(candidate);
                _window.MoveToHead(candidate);
                continue;
            }

            _window.Remove(candidate);
            Harvest(candidate);
            if (Weight + candidate.Weight <= _weightMax || TryFindVictims(Weight + candidate.Weight - _weightMax, _sketch.Estimate(candidate.Hash)))
            {
                Leave(evicted);
                _main.Push(candidate);
            }
            else
            {
                _balance.OnLeftWindow(candidate.Hash, candidate.Weight);
                evicted.Add(candidate);
            }
        }
    }

    private void Leave(List<LocalEntry> evicted)
    {
        foreach (var victim in _victims)
        {
            _main.Remove(victim);
            _balance.OnLeftMain(victim.Hash, victim.Weight);
            evicted.Add(victim);
        }

        _victims.Clear();
    }

    /// <summary>Collects who must go for a candidate of that worth; when they are worth as much, or are not enough, nobody goes.</summary>
    private bool TryFindVictims(long needed, int worth)
    {
        var victimsWorth = 0;
        var chances = SecondChancesMax;
        for (var entry = _main.Tail; needed > 0;)
        {
            if (entry is null)
                return Refuse();

            var older = entry.QueuePrevious;
            if (entry.Touches > 0 && chances-- > 0)
            {
                Harvest(entry);
                _main.MoveToHead(entry);
            }
            else
            {
                victimsWorth += _sketch.Estimate(entry.Hash);
                if (victimsWorth >= worth && !IsLucky(worth))
                {
                    // The next candidate meets another one, or a single entry of old fame would keep all of them out.
                    _main.MoveToHead(entry);
                    return Refuse();
                }

                _victims.Add(entry);
                needed -= entry.Weight;
            }

            // Once round: those that were passed by at first are next, but nobody is a victim twice.
            entry = older ?? (_victims.Count == 0 ? _main.Tail : null);
        }

        return true;

        bool Refuse()
        {
            _victims.Clear();
            return false;
        }
    }

    private bool IsLucky(int worth)
    {
        if (worth < PopularFrom)
            return false;
        _luck ^= _luck << 13;
        _luck ^= _luck >> 7;
        _luck ^= _luck << 17;
        return _luck % LuckyOneIn == 0;
    }

    private void Harvest(LocalEntry entry)
    {
        var touches = entry.Touches;
        if (touches == 0)
            return;
        entry.Touches = 0;
        _sketch.Add(entry.Hash, touches);
    }
}
