using System.Threading.Channels;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>A stale response that was used, and is to be validated in the background: all that is known of the request that used it.</summary>
internal sealed record RefreshJob(RequestHead Request, Route Route, EdgeSnapshot Snapshot, PeerAddress Client, bool IsHttps, Identity? Identity, Flight Flight);

/// <summary>Refreshes that wait for the loop that does them. Full: the response stays stale, and the next use asks again.</summary>
internal sealed class RefreshQueue
{
    public const int JobsMax = 1024;

    private readonly Channel<RefreshJob> _jobs = Channel.CreateBounded<RefreshJob>(new BoundedChannelOptions(JobsMax) { FullMode = BoundedChannelFullMode.Wait });

    public ChannelReader<RefreshJob> Jobs => _jobs.Reader;

    public bool TryAdd(RefreshJob job) => _jobs.Writer.TryWrite(job);
}
