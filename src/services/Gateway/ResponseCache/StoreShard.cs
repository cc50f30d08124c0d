using SkyRiff.Gateway.Compression;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>
/// One part of the store. Eviction is segmented LRU (Karedla, Love and Wherry, 1994): what is new is on probation, what was used again is protected, so that a crawler
/// that asks for everything once pushes out only what nobody asked for twice.
/// </summary>
internal sealed class StoreShard(long bytesMax)
{
    /// <summary>Responses under one address; the oldest goes.</summary>
    private const int VariationsMax = 32;

    /// <summary>Of the bytes, for what was used again.</summary>
    private const double ProtectedShare = 0.8;

    /// <summary>A node, its address and its place in the tables, roughly.</summary>
    private const int NodeBytes = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, Node> _addresses = [];
    private readonly Dictionary<FlightKey, Flight> _flights = [];
    private readonly Segment _probation = new();
    private readonly Segment _protected = new();
    private long _bytesMax = bytesMax;

    public long Bytes => Volatile.Read(ref _probation.Bytes) + Volatile.Read(ref _protected.Bytes);

    public int Count { get; private set; }

    public long Hits { get; private set; }

    public long Misses { get; private set; }

    public long Evictions { get; private set; }

    public Finding Find(ulong address, ReadOnlySpan<byte> key, int generation, RequestHead request, EdgeVerdict verdict, long now, out StoredResponse? found)
    {
        lock (_gate)
        {
            found = null;
            var finding = Finding.Nothing;
            for (var node = First(address, key); node is not null; node = node.Older)
            {
                if (node.Generation != generation) continue;
                if (node.Response is not { } response)
                {
                    if (finding == Finding.Nothing && node.NotSharedUntil > now) finding = Finding.NotShared;
                    continue;
                }
                if (response.IsHttps != verdict.IsHttps) continue;
                if (response.Vary.Matches(request, verdict))
                {
                    found = response;
                    Hits++;
                    Promote(node);
                    return Finding.Found;
                }
                finding = Finding.OtherVariants;
            }
            Misses++;
            return finding;
        }
    }

    public void Put(ulong address, ReadOnlySpan<byte> key, StoredResponse response)
    {
        lock (_gate)
        {
            var isKnown = false;
            var count = 0;
            for (var node = First(address, key); node is not null;)
            {
                var older = node.Older;
                if (node.Generation != response.Generation || node.Response is null || (node.Response.IsHttps == response.IsHttps && node.Response.Vary.Equals(response.Vary)) || ++count >= VariationsMax)
                {
                    isKnown |= node.Response is not null && node.Segment == _protected;
                    Drop(node);
                }
                node = older;
            }
            Add(address, new Node(key.ToArray(), address, response.Generation) { Response = response, Cost = NodeBytes + key.Length + response.Bytes + response.Variants.Bytes }, isKnown ? _protected : _probation);
        }
    }

    public void AddVariant(ulong address, StoredResponse response, Coding coding, ReadOnlySpan<byte> body)
    {
        lock (_gate)
        {
            if (NodeOf(address, response) is not { } node || !response.Variants.TryAdd(coding, body)) return;
            node.Cost += body.Length;
            node.Segment!.Bytes += body.Length;
            Evict(node);
        }
    }

    public void Remove(ulong address, StoredResponse response)
    {
        lock (_gate)
        {
            if (NodeOf(address, response) is { } node) Drop(node);
        }
    }

    public void MarkNotShared(ulong address, ReadOnlySpan<byte> key, int generation, long until)
    {
        lock (_gate)
        {
            for (var node = First(address, key); node is not null; node = node.Older)
            {
                if (node.Generation != generation || node.Response is not null) continue;
                node.NotSharedUntil = until;
                return;
            }
            Add(address, new Node(key.ToArray(), address, generation) { NotSharedUntil = until, Cost = NodeBytes + key.Length }, _probation);
        }
    }

    public void Invalidate(ulong address, ReadOnlySpan<byte> key)
    {
        lock (_gate)
        {
            for (var node = First(address, key); node is not null;)
            {
                var older = node.Older;
                Drop(node);
                node = older;
            }
        }
    }

    public void Resize(long bytesMax)
    {
        lock (_gate)
        {
            _bytesMax = bytesMax;
            Evict(null);
        }
    }

    public bool TryLead(FlightKey key, out Flight flight)
    {
        lock (_gate)
        {
            if (_flights.TryGetValue(key, out var known))
            {
                flight = known;
                return false;
            }
            flight = new Flight(key);
            _flights.Add(key, flight);
            return true;
        }
    }

    public void End(Flight flight)
    {
        lock (_gate)
        {
            _flights.Remove(flight.Key);
        }
        flight.End();
    }

    /// <summary>The newest under the address. Two addresses with one hash: the older one is taken for absent, and replaced.</summary>
    private Node? First(ulong address, ReadOnlySpan<byte> key) => _addresses.TryGetValue(address, out var node) && node.Key.AsSpan().SequenceEqual(key) ? node : null;

    private Node? NodeOf(ulong address, StoredResponse response)
    {
        _addresses.TryGetValue(address, out var node);
        while (node is not null && node.Response != response) node = node.Older;
        return node;
    }

    private void Add(ulong address, Node node, Segment segment)
    {
        if (_addresses.TryGetValue(address, out var newest))
        {
            if (newest.Key.AsSpan().SequenceEqual(node.Key))
            {
                node.Older = newest;
                newest.Newer = node;
            }
            else
            {
                for (var other = newest; other is not null; other = other.Older) Drop(other);
            }
        }
        _addresses[address] = node;
        segment.PushFirst(node);
        Count++;
        Evict(node);
    }

    private void Promote(Node node)
    {
        if (node.Segment == _protected && _protected.First == node) return;
        node.Segment!.Remove(node);
        _protected.PushFirst(node);
        while (_protected.Bytes > _bytesMax * ProtectedShare && _protected.Last is { } least && least != node)
        {
            _protected.Remove(least);
            _probation.PushFirst(least);
        }
    }

    private void Evict(Node? spared)
    {
        while (Bytes > _bytesMax)
        {
            var victim = _probation.Last ?? _protected.Last;
            // What is new or was just made larger goes last, but goes when it is alone.
            if (victim == spared && spared is not null) victim = spared.Previous ?? _protected.Last ?? spared;
            if (victim is null) return;
            Drop(victim);
            Evictions++;
        }
    }

    private void Drop(Node node)
    {
        if (node.Segment is null) return;
        node.Segment.Remove(node);
        if (node.Older is not null) node.Older.Newer = node.Newer;
        if (node.Newer is not null) node.Newer.Older = node.Older;
        else if (node.Older is not null) _addresses[node.Address] = node.Older;
        else _addresses.Remove(node.Address);
        Count--;
    }

    private sealed class Node(byte[] key, ulong address, int generation)
    {
        public byte[] Key { get; } = key;

        public ulong Address { get; } = address;

        public int Generation { get; } = generation;

        /// <summary>Null: only the remark that nothing here is for sharing.</summary>
        public StoredResponse? Response { get; init; }

        public long NotSharedUntil { get; set; }

        public long Cost { get; set; }

        public Segment? Segment { get; set; }

        /// <summary>In the segment, towards what was used last.</summary>
        public Node? Previous { get; set; }

        public Node? Next { get; set; }

        /// <summary>Under the same address.</summary>
        public Node? Newer { get; set; }

        public Node? Older { get; set; }
    }

    private sealed class Segment
    {
        public long Bytes;

        public Node? First { get; private set; }

        public Node? Last { get; private set; }

        public void PushFirst(Node node)
        {
            node.Segment = this;
            node.Previous = null;
            node.Next = First;
            if (First is not null) First.Previous = node;
            First = node;
            Last ??= node;
            Bytes += node.Cost;
        }

        public void Remove(Node node)
        {
            if (node.Previous is not null) node.Previous.Next = node.Next;
            else First = node.Next;
            if (node.Next is not null) node.Next.Previous = node.Previous;
            else Last = node.Previous;
            node.Segment = null;
            node.Previous = node.Next = null;
            Bytes -= node.Cost;
        }
    }
}
