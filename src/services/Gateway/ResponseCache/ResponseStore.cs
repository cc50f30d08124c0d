using SkyRiff.Gateway.Compression;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Kernel;
using SkyRiff.Resilience.Hashing;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>What a look into the cache found.</summary>
internal enum Finding
{
    /// <summary>Nothing under this address.</summary>
    Nothing,

    /// <summary>Only responses to requests with other fields.</summary>
    OtherVariants,

    /// <summary>The last response was not for sharing: there is nothing to wait for.</summary>
    NotShared,
    Found,
}

/// <summary>
/// The responses of all routes, for all loops and fronts of the process: one budget, one hit rate. Addresses are spread over shards with a lock each, which is held for
/// a look-up and a few links.
/// </summary>
internal sealed class ResponseStore
{
    private const int ShardCount = 16;

    private readonly SipHash _hash;
    private readonly StoreShard[] _shards = new StoreShard[ShardCount];

    public ResponseStore(ResponseStoreConfig config, Entropy entropy)
    {
        // A stranger chooses the addresses, and must not choose where they land.
        _hash = SipHash.Keyed(entropy);
        Captures = new CaptureBudget(config.CapturesBytesMax);
        for (var i = 0; i < ShardCount; i++) _shards[i] = new StoreShard(config.BytesMax / ShardCount);
    }

    public CaptureBudget Captures { get; }

    public RefreshQueue Refreshes { get; } = new();

    public long Bytes => _shards.Sum(shard => shard.Bytes);

    public long Count => _shards.Sum(shard => (long)shard.Count);

    public long Hits => _shards.Sum(shard => shard.Hits);

    public long Misses => _shards.Sum(shard => shard.Misses);

    public long Evictions => _shards.Sum(shard => shard.Evictions);

    /// <summary>The largest body that fits beside others.</summary>
    public static long EntryBytesMaxOf(ResponseStoreConfig config) => config.BytesMax / ShardCount / 2;

    /// <summary>Other bounds, of a new configuration; what is too much goes at once.</summary>
    public void Resize(ResponseStoreConfig config)
    {
        Captures.BytesMax = config.CapturesBytesMax;
        foreach (var shard in _shards) shard.Resize(config.BytesMax / ShardCount);
    }

    public ulong AddressOf(ReadOnlySpan<byte> key) => _hash.Hash(key);

    /// <summary>The newest response that was stored for this route and fits the request's fields.</summary>
    public Finding Find(ulong address, ReadOnlySpan<byte> key, int generation, RequestHead request, EdgeVerdict verdict, long now, out StoredResponse? found) =>
        ShardOf(address).Find(address, key, generation, request, verdict, now, out found);

    /// <summary>Stores; an older response with the same variation goes.</summary>
    public void Put(ulong address, ReadOnlySpan<byte> key, StoredResponse response) => ShardOf(address).Put(address, key, response);

    /// <summary>A compressed body was added to a response, which therefore weighs more.</summary>
    public void AddVariant(ulong address, StoredResponse response, Coding coding, ReadOnlySpan<byte> body) => ShardOf(address).AddVariant(address, response, coding, body);

    public void Remove(ulong address, StoredResponse response) => ShardOf(address).Remove(address, response);

    /// <summary>Remembers for a moment that responses under this address are not for sharing.</summary>
    public void MarkNotShared(ulong address, ReadOnlySpan<byte> key, int generation, long until) => ShardOf(address).MarkNotShared(address, key, generation, until);

    /// <summary>Everything under the address is out of date (RFC 9111 section 4.4), of every route and variation.</summary>
    public void Invalidate(ReadOnlySpan<byte> key)
    {
        var address = AddressOf(key);
        ShardOf(address).Invalidate(address, key);
    }

    /// <summary>True when the caller leads now; otherwise whom it can wait for.</summary>
    public bool TryLead(FlightKey key, out Flight flight) => ShardOf(key.Address).TryLead(key, out flight);

    /// <summary>The leader's request is over: whoever waits looks again.</summary>
    public void End(Flight flight) => ShardOf(flight.Key.Address).End(flight);

    private StoreShard ShardOf(ulong address) => _shards[address % ShardCount];
}
