using System.Threading.Channels;
using SkyRiff.Gateway.Configuration;

namespace SkyRiff.Gateway.Decisions;

/// <summary>A copy of a request, with its head and body as they are sent.</summary>
internal sealed record MirroredRequest(Mirror Mirror, byte[] Bytes, ulong HashKey, bool IsHead);

/// <summary>
/// Takes copies of a share of a route's requests. Offering one never waits: beyond what may be under way it is dropped. The share goes by the trace id, so all
/// gateways copy the same requests.
/// </summary>
internal sealed class Mirror(MirrorConfig config, Cluster cluster, MirrorQueue queue)
{
    public const int QueueMax = 4096;

    private readonly uint _threshold = (uint)(config.Percent / 100 * 0x1000000);
    private int _inFlight;
    private long _sent;
    private long _failed;
    private long _dropped;
    private long _tooLarge;

    public MirrorConfig Config { get; } = config;

    public Cluster Cluster { get; } = cluster;

    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>Copies that were answered, with whatever status.</summary>
    public long Sent => Volatile.Read(ref _sent);

    public long Failed => Volatile.Read(ref _failed);

    /// <summary>Copies that were not made because too many were under way.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Requests that were not copied because their bodies were not wholly there.</summary>
    public long TooLarge => Volatile.Read(ref _tooLarge);

    public bool Takes(in TraceContext trace) => (uint)(trace.TraceLow >> 40) < _threshold;

    public void Skip() => Interlocked.Increment(ref _tooLarge);

    /// <summary>The head, with its empty line, and the body in its framing; both are copied.</summary>
    public void Offer(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body, ulong hashKey, bool isHead)
    {
        if (Interlocked.Increment(ref _inFlight) > Config.InFlightMax)
        {
            Interlocked.Decrement(ref _inFlight);
            Interlocked.Increment(ref _dropped);
            return;
        }
        var mark = "X-Mirrored: true\r\n\r\n"u8;
        var bytes = new byte[head.Length - 2 + mark.Length + body.Length];
        head[..^2].CopyTo(bytes);
        mark.CopyTo(bytes.AsSpan(head.Length - 2));
        body.CopyTo(bytes.AsSpan(head.Length - 2 + mark.Length));
        if (queue.TryAdd(new(this, bytes, hashKey, isHead))) return;
        Interlocked.Decrement(ref _inFlight);
        Interlocked.Increment(ref _dropped);
    }

    public void Ended(bool isAnswered)
    {
        Interlocked.Decrement(ref _inFlight);
        Interlocked.Increment(ref isAnswered ? ref _sent : ref _failed);
    }
}

/// <summary>Copies that wait to be sent; one for all mirrors, and the same over reloads.</summary>
internal sealed class MirrorQueue
{
    private readonly Channel<MirroredRequest> _waiting = Channel.CreateBounded<MirroredRequest>(new BoundedChannelOptions(Mirror.QueueMax) { SingleReader = true });

    public ChannelReader<MirroredRequest> Reader => _waiting.Reader;

    public bool TryAdd(MirroredRequest request) => _waiting.Writer.TryWrite(request);
}
