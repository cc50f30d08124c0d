using Microsoft.Extensions.Logging;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;
using SkyRiff.Redis;
using SkyRiff.Resilience;

namespace SkyRiff.Gateway.Running;

/// <summary>
/// The decisions and what keeps them fresh: probes, keys, sweeping. It has no listener: a front, or the edge inside a program, asks its
/// <see cref="Snapshot"/>.
/// </summary>
internal sealed class EdgeRuntime : IAsyncDisposable
{
    private readonly Entropy _entropy;
    private readonly SemaphoreSlim _applying = new(1);
    private readonly List<SupervisedLoop> _loops;
    private readonly DiscoveryLoop _discovery;
    private readonly RevocationReader _revocations;
    private readonly LimitStore? _store;
    private EdgeConfig _written;
    private EdgeSnapshot _snapshot;
    private TaskCompletionSource _nextApplied = NewSignal();

    public EdgeRuntime(EdgeConfig config, TimeProvider time, Entropy entropy, ILoggerFactory loggers)
    {
        Clock = new MonotonicClock(time);
        _entropy = entropy;
        _written = config;
        if (config.Redis.Length > 0) Redis = RedisClient.Create(RedisOptions.Parse(config.Redis), time, entropy, loggers.CreateLogger<RedisClient>());
        _discovery = new DiscoveryLoop(this, time, entropy, loggers.CreateLogger<DiscoveryLoop>());
        _revocations = new RevocationReader(this, time, entropy, loggers.CreateLogger<RevocationReader>());
        if (Redis is not null) _store = new LimitStore(Redis, Clock);
        _snapshot = EdgeCompiler.Compile(config, null, entropy, Clock.Now, _store);
        _loops =
        [
            new HealthProber(this, time, entropy, loggers.CreateLogger<HealthProber>()),
            new JwksRefresher(this, time, entropy, loggers.CreateLogger<JwksRefresher>()),
            new CacheRefresher(this, time, entropy, loggers.CreateLogger<CacheRefresher>()),
            new LimitTidier(this, time, entropy, loggers.CreateLogger<LimitTidier>()),
            new MirrorLoop(this, time, entropy, loggers.CreateLogger<MirrorLoop>()),
            new LimitTeller(this, time, entropy, loggers.CreateLogger<LimitTeller>()),
            _discovery,
            _revocations,
        ];
    }

    /// <summary>Raised after a new snapshot is in force.</summary>
    public event Action<EdgeSnapshot>? Applied;

    /// <summary>Ends when the next snapshot is in force. A loop without work in this one sleeps until then: taken before the snapshot is read, it misses none.</summary>
    public Task NextApplied => Volatile.Read(ref _nextApplied).Task;

    public MonotonicClock Clock { get; }

    /// <summary>Registries, shared limits and revocations; null when the configuration that it was started with names none.</summary>
    public RedisClient? Redis { get; }

    /// <summary>Clusters whose endpoints cannot be found out now, with the reason.</summary>
    public IReadOnlyDictionary<string, string> DiscoveryTroubles => _discovery.Troubles;

    public EdgeSnapshot Snapshot => Volatile.Read(ref _snapshot);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await JwksRefresher.LoadAsync(Snapshot, cancellationToken);
        await _revocations.PrepareAsync(Snapshot, cancellationToken);
        await _discovery.PrepareAsync(_written, cancellationToken);
        await RefreshAsync(cancellationToken);
        foreach (var loop in _loops) await loop.StartAsync(cancellationToken);
    }

    /// <summary>Puts a checked configuration in force, atomically: every request is decided wholly by the old or wholly by the new one.</summary>
    public async Task ApplyAsync(EdgeConfig config, CancellationToken cancellationToken)
    {
        await _applying.WaitAsync(cancellationToken);
        try
        {
            await _discovery.PrepareAsync(config, cancellationToken);
            var applied = EdgeCompiler.Compile(_discovery.Complete(config), _snapshot, _entropy, Clock.Now, _store);
            // Another issuer's keys are fetched before anybody is judged by them.
            if (applied.Jwt is { Keys.Count: 0 }) await JwksRefresher.LoadAsync(applied, cancellationToken);
            await _revocations.PrepareAsync(applied, cancellationToken);
            _written = config;
            Put(applied);
        }
        finally
        {
            _applying.Release();
        }
    }

    /// <summary>The same configuration with the endpoints that are known now.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _applying.WaitAsync(cancellationToken);
        try
        {
            Put(EdgeCompiler.Compile(_discovery.Complete(_written), _snapshot, _entropy, Clock.Now, _store));
        }
        finally
        {
            _applying.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var loop in _loops) await loop.DisposeAsync();
        _applying.Dispose();
        if (Redis is not null) await Redis.DisposeAsync();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Put(EdgeSnapshot applied)
    {
        Volatile.Write(ref _snapshot, applied);
        Interlocked.Exchange(ref _nextApplied, NewSignal()).SetResult();
        Applied?.Invoke(applied);
    }
}

/// <summary>Gives the memory of idle rate limit keys back.</summary>
internal sealed class LimitTidier(EdgeRuntime runtime, TimeProvider time, Entropy entropy, ILogger<LimitTidier> logger)
    : SupervisedLoop("gateway-limit-tidier", time, entropy, logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Of each limiter's shards per interval; a full turn takes a quarter of a minute.</summary>
    private const int TurnsPerSweep = 16;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        while (true)
        {
            await Task.Delay(Interval, Time, stopping);
            foreach (var limit in runtime.Snapshot.Limits.Values)
                limit.Sweep(runtime.Clock.Now, TurnsPerSweep);
        }
    }
}
