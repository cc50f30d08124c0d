using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Internal;
using SkyRiff.Caching.Local;

namespace SkyRiff.Bench.Caching;

/// <summary>One cache under simulation: asks for a key, which is taken in when it was not there.</summary>
internal interface IReplacementPolicy : IDisposable
{
    string Name { get; }

    bool Ask(long key);
}

/// <summary>The textbook's.</summary>
internal sealed class Lru(int capacity) : IReplacementPolicy
{
    private readonly Dictionary<long, LinkedListNode<long>> _nodes = [];
    private readonly LinkedList<long> _order = new();

    public string Name => "lru";

    public bool Ask(long key)
    {
        if (_nodes.TryGetValue(key, out var node))
        {
            _order.Remove(node);
            _order.AddFirst(node);
            return true;
        }

        _nodes[key] = _order.AddFirst(key);
        if (_nodes.Count > capacity)
        {
            _nodes.Remove(_order.Last!.Value);
            _order.RemoveLast();
        }

        return false;
    }

    public void Dispose()
    {
    }
}

/// <summary>
/// The framework's, with a size limit of the capacity and one unit per entry. When it is full it refuses entries until a background compaction is through;
/// here the compaction runs at once, which is the best case for it.
/// </summary>
internal sealed class FrameworkMemoryCache : IReplacementPolicy
{
    private const double CompactedShare = 0.05;

    private readonly Ticking _clock = new();
    private readonly MemoryCache _cache;
    private readonly int _capacity;

    public FrameworkMemoryCache(int capacity)
    {
        _capacity = capacity;
        // Far above what is stored, so that its own background compaction never runs beside ours.
        _cache = new MemoryCache(new MemoryCacheOptions { SizeLimit = 2L * capacity, Clock = _clock, ExpirationScanFrequency = TimeSpan.FromDays(10_000) });
    }

    public string Name => "memorycache";

    public bool Ask(long key)
    {
        _clock.Advance();
        if (_cache.TryGetValue(key, out _))
            return true;
        if (_cache.Count >= _capacity)
            _cache.Compact(CompactedShare);
        _cache.Set(key, this, new MemoryCacheEntryOptions { Size = 1 });
        return false;
    }

    public void Dispose() => _cache.Dispose();

    /// <summary>A tick per request, so that least recently used means just that.</summary>
    private sealed class Ticking : ISystemClock
    {
        public DateTimeOffset UtcNow { get; private set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public void Advance() => UtcNow = UtcNow.AddTicks(1);
    }
}

/// <summary>S3-FIFO (Yang et al., 2023): a small queue of a tenth, a main queue, and the ghosts of what left the small one.</summary>
internal sealed class S3Fifo(int capacity) : IReplacementPolicy
{
    private readonly Dictionary<long, int> _touches = [];
    private readonly Queue<long> _small = new();
    private readonly Queue<long> _main = new();
    private readonly Queue<long> _ghosts = new();
    private readonly HashSet<long> _ghostKeys = [];
    private readonly int _smallMax = capacity / 10;

    public string Name => "s3fifo";

    public bool Ask(long key)
    {
        if (_touches.TryGetValue(key, out var touches))
        {
            _touches[key] = Math.Min(3, touches + 1);
            return true;
        }

        while (_touches.Count >= capacity)
            Evict();
        (_ghostKeys.Contains(key) ? _main : _small).Enqueue(key);
        _touches[key] = 0;
        return false;
    }

    public void Dispose()
    {
    }

    private void Evict()
    {
        if (_small.Count > _smallMax || _main.Count == 0)
        {
            var key = _small.Dequeue();
            if (_touches[key] > 1)
            {
                _touches[key] = 0;
                _main.Enqueue(key);
                return;
            }

            _touches.Remove(key);
            if (!_ghostKeys.Add(key))
                return;
            _ghosts.Enqueue(key);
            if (_ghosts.Count > capacity - _smallMax)
                _ghostKeys.Remove(_ghosts.Dequeue());
            return;
        }

        var oldest = _main.Dequeue();
        if (_touches[oldest] > 0)
        {
            _touches[oldest]--;
            _main.Enqueue(oldest);
        }
        else
        {
            _touches.Remove(oldest);
        }
    }
}

/// <summary>The policy of the local tier itself.</summary>
internal sealed class Ours(int capacity, int seed) : IReplacementPolicy
{
    private readonly Dictionary<long, Entry> _entries = [];
    private readonly ClockTinyLfu _policy = new(capacity);
    private readonly List<LocalEntry> _evicted = [];

    public string Name => "skyriff";

    public bool Ask(long key)
    {
        if (_entries.TryGetValue(key, out var entry))
        {
            entry.Touch();
            return true;
        }

        _entries[key] = entry = new Entry(key, seed, this);
        _policy.Add(entry, _evicted);
        DropEvicted();
        return false;
    }

    public void Dispose()
    {
    }

    private void DropEvicted()
    {
        foreach (var entry in _evicted)
            entry.Unlist();
        _evicted.Clear();
    }

    private sealed class Entry(long key, int seed, Ours cache) : LocalEntry(LocalTier.HashOf(key.GetHashCode(), (ulong)seed), 1)
    {
        public override void Unlist() => cache._entries.Remove(key);
    }
}
