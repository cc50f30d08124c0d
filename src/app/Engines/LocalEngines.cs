using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;

namespace SkyRiff.App.Engines;

/// <summary>
/// The private PostgreSQL and Redis of a data folder. They start side by side, are restarted when they die, end with this process in
/// whatever way it ends, and are recovered by the next start.
/// </summary>
internal sealed class LocalEngines : IAsyncDisposable
{
    private readonly DataFolder _folder;
    private readonly EnginePlacement _placement;
    private bool _stopped;

    private LocalEngines(DataFolder folder, EnginePlacement placement, LocalEnginesOptions options, EngineSurroundings around)
    {
        _folder = folder;
        _placement = placement;
        var logs = folder.Subfolder("logs");
        Postgres = new PostgresEngine(placement, logs, options, around);
        Redis = new RedisEngine(placement, logs, options, around);
        Postgres.Changed += (engine, state) => Changed?.Invoke(engine, state);
        Redis.Changed += (engine, state) => Changed?.Invoke(engine, state);
        Addresses = new EngineAddresses(placement.SocketDirectory, PostgresEngine.Port, PostgresEngine.SuperUser, Redis.SocketPath);
    }

    /// <summary>Every change of an engine's state after the first start, on whatever thread saw it; must return quickly.</summary>
    public event Action<Engine, EngineState>? Changed;

    public EngineAddresses Addresses { get; }

    public PostgresEngine Postgres { get; }

    public RedisEngine Redis { get; }

    /// <summary>
    /// Returns when both answer. When one fails, the other is stopped before the fault is thrown. The caller keeps <paramref name="folder"/>
    /// and disposes it after the engines. <paramref name="progress"/> gets one line for everything that takes noticeable time or that the
    /// user should know.
    /// </summary>
    /// <exception cref="EngineException">With the reason and a message for the user.</exception>
    public static async Task<LocalEngines> StartAsync(
        DataFolder folder, LocalEnginesOptions options, TimeProvider time, Entropy entropy, ILogger logger, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var placement = await EnginePlacement.PrepareAsync(folder, options.OutsideFolder, progress, cancellationToken);
        var engines = new LocalEngines(folder, placement, options, new EngineSurroundings(time, entropy, logger, progress));
        using var eitherFailed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            await Task.WhenAll(
                OrCancelOtherAsync(engines.Postgres.StartFirstAsync(eitherFailed.Token), eitherFailed),
                OrCancelOtherAsync(engines.Redis.StartFirstAsync(eitherFailed.Token), eitherFailed));
            engines.Addresses.Publish(folder);
            return engines;
        }
        catch
        {
            await engines.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Where the engines of a running <c>skyriff up</c> on this folder listen, for commands that work beside it; null when none runs, and
    /// then the command starts engines of its own.
    /// </summary>
    public static EngineAddresses? TryFindRunning(string dataPath) =>
        DataFolder.TryFindOwner(dataPath) is null ? null : EngineAddresses.TryRead(dataPath);

    /// <summary>Stops both, side by side; safe to call twice. Close the connections first, or they see theirs ended.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_stopped) return;
        EngineAddresses.Withdraw(_folder);
        await Task.WhenAll(Postgres.StopAsync(cancellationToken), Redis.StopAsync(cancellationToken));
        _placement.Dispose();
        _stopped = true;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None);
        await Postgres.DisposeAsync();
        await Redis.DisposeAsync();
    }

    private static async Task OrCancelOtherAsync(Task start, CancellationTokenSource other)
    {
        try
        {
            await start;
        }
        catch
        {
            await other.CancelAsync();
            throw;
        }
    }
}
