namespace SkyRiff.Gateway.Lean;

/// <summary>Written by one loop only, read by whoever reports: plain numbers that may be a moment old.</summary>
internal sealed class LoopCounters
{
    public long ClientsOpen;
    public long ClientsAccepted;
    public long UpstreamsOpen;
    public long UpstreamsConnected;
    public long UpstreamsReused;
    public long Requests;
    public long RequestsRefused;
    public long RequestsAborted;
    public long StaleRetries;
    public long Hedges;
    public long ConnectFailures;
    public long UpstreamFaults;
    public long TimedOut;
    public long InFlight;
    public long Bugs;

    /// <summary>What the loop's thread has allocated, told once a second: a request in steady state adds nothing.</summary>
    public long AllocatedBytes;

    public Exception? LastBug { get; set; }
}
