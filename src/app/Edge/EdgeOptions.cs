using System.Net;
using SkyRiff.Resilience.Adaptive;
using SkyRiff.Resilience.Limits;

namespace SkyRiff.App.Edge;

/// <summary>Section <c>Edge</c>: what stands between clients and the services. Limits are shared by all processes through Redis unless they say otherwise.</summary>
internal sealed class EdgeOptions
{
    /// <summary>False only where a gateway in front does all of this already.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>
    /// The proxies in front of this process, as addresses or CIDR blocks such as <c>10.0.0.0/8</c>. Only what they say in
    /// <c>X-Forwarded-For</c> and <c>X-Forwarded-Proto</c> is believed.
    /// </summary>
    public List<string> TrustedProxies { get; set; } = [];

    /// <summary>API calls per client address (IPv6: per /64).</summary>
    public BucketOptions PerAddress { get; set; } = new() { Count = 100, Period = TimeSpan.FromSeconds(1), Burst = 200 };

    /// <summary>API calls per signed-in user.</summary>
    public WindowOptions PerUser { get; set; } = new() { Count = 1_000, Window = TimeSpan.FromSeconds(60) };

    /// <summary>Open connections per peer that is no trusted proxy, 16 to 100,000. All in all a process takes 15,000.</summary>
    public int ConnectionsPerAddress { get; set; } = 2_000;

    /// <summary>Media, pages and their assets per client address; counted by each process for itself.</summary>
    public BucketOptions FilesPerAddress { get; set; } = new() { Count = 1_000, Period = TimeSpan.FromSeconds(1), Burst = 4_000 };

    /// <summary>Registrations per client address. Each costs some 100 ms of a core.</summary>
    public BucketOptions RegistrationsPerAddress { get; set; } = new() { Count = 300, Period = TimeSpan.FromMinutes(1), Burst = 300 };

    /// <summary>Sign-ins per client address; failed ones have limits of their own (<c>Users:FailedSignInsPerAddress</c>).</summary>
    public BucketOptions SignInsPerAddress { get; set; } = new() { Count = 600, Period = TimeSpan.FromMinutes(1), Burst = 300 };

    /// <summary>
    /// What share of a limit each process allows by itself while Redis is away, above 0, up to 1. None: all of it in role <c>all</c>, which is alone, and a
    /// quarter in other roles; one divided by the number of processes keeps the sum.
    /// </summary>
    public double? ShareWhenRedisAway { get; set; }

    /// <summary>How long a decision waits for Redis before the process decides alone, 5 ms to 2 s.</summary>
    public TimeSpan RedisWait { get; set; } = TimeSpan.FromMilliseconds(100);

    public ConcurrencyOptions Concurrency { get; set; } = new();

    public IEnumerable<string> Validate()
    {
        foreach (var proxy in TrustedProxies.Where(proxy => ClientAddress.ParseRange(proxy) is null)) yield return $"Edge:TrustedProxies has {proxy}; addresses and CIDR blocks such as 10.0.0.0/8 are possible.";
        foreach (var mistake in PerAddress.Validate(nameof(PerAddress))) yield return mistake;
        foreach (var mistake in PerUser.Validate(nameof(PerUser))) yield return mistake;
        foreach (var mistake in FilesPerAddress.Validate(nameof(FilesPerAddress))) yield return mistake;
        foreach (var mistake in RegistrationsPerAddress.Validate(nameof(RegistrationsPerAddress))) yield return mistake;
        foreach (var mistake in SignInsPerAddress.Validate(nameof(SignInsPerAddress))) yield return mistake;
        if (ConnectionsPerAddress is < 16 or > 100_000) yield return $"Edge:ConnectionsPerAddress is {ConnectionsPerAddress}; 16 to 100000 are possible.";
        if (ShareWhenRedisAway is not (null or (> 0 and <= 1))) yield return $"Edge:ShareWhenRedisAway is {ShareWhenRedisAway}; above 0, up to 1, or none are possible.";
        if (RedisWait < TimeSpan.FromMilliseconds(5) || RedisWait > TimeSpan.FromSeconds(2)) yield return $"Edge:RedisWait is {RedisWait}; 5 ms to 2 s are possible.";
        foreach (var mistake in Concurrency.Validate()) yield return mistake;
    }

    public IPNetwork[] TrustedRanges() => [.. TrustedProxies.Select(proxy => ClientAddress.ParseRange(proxy)!.Value)];
}

/// <summary>A token bucket: <see cref="Burst"/> at once, and <see cref="Count"/> more per <see cref="Period"/>.</summary>
internal sealed class BucketOptions
{
    /// <summary>1 to 1,000,000.</summary>
    public int Count { get; set; }

    /// <summary>1 ms to 1 day.</summary>
    public TimeSpan Period { get; set; }

    /// <summary>1 to 1,000,000.</summary>
    public int Burst { get; set; }

    public TokenBucket Rule => new(Burst, Count, Period);

    /// <summary>As it is announced: the burst, and how long an empty bucket takes to fill.</summary>
    public LimitPolicy Announced(string name) => new(name, Burst, Period * ((double)Burst / Count));

    public IEnumerable<string> Validate(string name)
    {
        if (Count is < 1 or > 1_000_000) yield return $"Edge:{name}:Count is {Count}; 1 to 1000000 are possible.";
        if (Period < TimeSpan.FromMilliseconds(1) || Period > TimeSpan.FromDays(1)) yield return $"Edge:{name}:Period is {Period}; 1 ms to 1 day are possible.";
        if (Burst is < 1 or > 1_000_000) yield return $"Edge:{name}:Burst is {Burst}; 1 to 1000000 are possible.";
    }
}

/// <summary>A sliding window: at most <see cref="Count"/> in any <see cref="Window"/>.</summary>
internal sealed class WindowOptions
{
    /// <summary>1 to 100,000,000.</summary>
    public int Count { get; set; }

    /// <summary>1 s to 1 day.</summary>
    public TimeSpan Window { get; set; }

    public SlidingWindow Rule => new(Count, Window);

    public LimitPolicy Announced(string name) => new(name, Count, Window);

    public IEnumerable<string> Validate(string name)
    {
        if (Count is < 1 or > 100_000_000) yield return $"Edge:{name}:Count is {Count}; 1 to 100000000 are possible.";
        if (Window < TimeSpan.FromSeconds(1) || Window > TimeSpan.FromDays(1)) yield return $"Edge:{name}:Window is {Window}; 1 s to 1 day are possible.";
    }
}

/// <summary>How many calls at a time the services of this process are given; the number finds itself between these bounds.</summary>
internal sealed class ConcurrencyOptions
{
    /// <summary>Where it begins.</summary>
    public int Start { get; set; } = 256;

    /// <summary>It never falls below this, 8 or more: browsing is then given four fifths of it.</summary>
    public int Min { get; set; } = 64;

    /// <summary>It never rises above this; at most 100,000.</summary>
    public int Max { get; set; } = 2_000;

    /// <summary>How many times longer than usual reads may take before it falls, 1 to 5.</summary>
    public double Tolerance { get; set; } = 2;

    public AdaptiveConcurrencyOptions Rule => new() { LimitStart = Start, LimitMin = Min, LimitMax = Max, Tolerance = Tolerance };

    public IEnumerable<string> Validate()
    {
        if (Min < 8 || Start < Min || Max < Start || Max > 100_000) yield return $"Edge:Concurrency is {Min} <= {Start} <= {Max}; 8 <= Min <= Start <= Max <= 100000 are possible.";
        if (Tolerance is not (>= 1 and <= 5)) yield return $"Edge:Concurrency:Tolerance is {Tolerance}; 1 to 5 are possible.";
    }
}
