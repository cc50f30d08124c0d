using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;
using SkyRiff.Videos.Generating;
using SkyRiff.Videos.Media;

namespace SkyRiff.Videos.Providers.Studio;

/// <summary>
/// The provider that is built in: renders a clip from the prompt on this machine, so that the whole product works with no account anywhere. A rendering is named by its
/// order's key and can be made again from the order, so a restart loses nothing but time, and asking twice makes one.
/// </summary>
internal sealed class StudioProvider : IVideoProvider, IAsyncDisposable
{
    public const string ProviderName = "studio";

    private static readonly TimeSpan PollAfter = TimeSpan.FromMilliseconds(120);

    /// <summary>After the last rendering: whoever waits for a clip does not wait for this too.</summary>
    private static readonly TimeSpan TidyAfter = TimeSpan.FromSeconds(3);

    private readonly ConcurrentDictionary<string, Rendering> _renderings = new();
    private readonly SemaphoreSlim _room;
    private readonly StudioRenderer _renderer;
    private readonly ILogger<StudioProvider> _logger;
    private readonly Lazy<Scratch> _scratch;
    private readonly ITimer _tidying;

    public StudioProvider(StudioOptions options, MediaOptions media, StudioRenderer renderer, Entropy entropy, TimeProvider time, ILogger<StudioProvider> logger)
    {
        _tidying = time.CreateTimer(static provider => ((StudioProvider)provider!).Tidy(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        (_renderer, _logger) = (renderer, logger);
        ConcurrencyMax = options.ConcurrencyMax > 0 ? options.ConcurrencyMax : Math.Max(1, Environment.ProcessorCount / 2);
        _room = new SemaphoreSlim(ConcurrencyMax);
        _scratch = new Lazy<Scratch>(() => Scratch.New(media.ScratchRoot, entropy));
        Models =
        [
            new VideoModel
            {
                Id = "studio-1",
                Name = "Studio",
                Seconds = [4, 8, 12],
                Sizes = [new(1280, 720), new(720, 1280), new(1024, 1024), new(640, 360)],
                CreditsPerSecond = options.CreditsPerSecond,
                TakesReference = true,
            },
        ];
    }

    public string Name => ProviderName;

    public IReadOnlyList<VideoModel> Models { get; }

    public int ConcurrencyMax { get; }

    public bool ClipsAreOurs => true;

    public Task<Creation> CreateAsync(ClipOrder order, CancellationToken cancellationToken)
    {
        Begin(order);
        return Task.FromResult<Creation>(new Creation.Accepted(order.Key, PollAfter));
    }

    /// <summary>It is always there: what is not being rendered can be.</summary>
    public Task<Reconciliation> ReconcileAsync(ClipOrder order, DateTimeOffset submittedAt, CancellationToken cancellationToken)
    {
        Begin(order);
        return Task.FromResult<Reconciliation>(new Reconciliation.Found(order.Key));
    }

    public Task<ProviderState> PollAsync(ClipOrder order, string providerJob, CancellationToken cancellationToken)
    {
        if (!_renderings.TryGetValue(providerJob, out var rendering)) return Task.FromResult<ProviderState>(new ProviderState.Done()); // fetching makes it again
        return rendering.Result.IsCompleted ? EndedAsync(rendering) : Task.FromResult<ProviderState>(new ProviderState.Working(rendering.Progress, PollAfter));
    }

    public async Task<Failure?> FetchAsync(ClipOrder order, string providerJob, string path, long lengthMax, CancellationToken cancellationToken)
    {
        var rendering = Begin(order with { Key = providerJob });
        if (await rendering.Result.WaitAsync(cancellationToken) is { } failure)
        {
            _renderings.TryRemove(KeyValuePair.Create(providerJob, rendering));
            return failure;
        }
        File.Move(rendering.Path, path, overwrite: true);
        _renderings.TryRemove(KeyValuePair.Create(providerJob, rendering));
        return null;
    }

    public async Task ForgetAsync(ClipOrder order, string providerJob, CancellationToken cancellationToken)
    {
        if (!_renderings.TryRemove(providerJob, out var rendering)) return;
        await rendering.Stop.CancelAsync();
        await ((Task)rendering.Result).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        File.Delete(rendering.Path);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var rendering in _renderings.Values) await rendering.Stop.CancelAsync();
        await Task.WhenAll(_renderings.Values.Select(rendering => (Task)rendering.Result)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _tidying.DisposeAsync();
        _room.Dispose();
        if (_scratch.IsValueCreated) _scratch.Value.Dispose();
    }

    private static async Task<ProviderState> EndedAsync(Rendering rendering) => await rendering.Result is { } failure ? new ProviderState.Failed(failure) : new ProviderState.Done();

    private Rendering Begin(ClipOrder order)
    {
        while (true)
        {
            if (_renderings.TryGetValue(order.Key, out var present)) return present;
            var rendering = new Rendering(_scratch.Value.File(order.Key + ".mp4"));
            if (!_renderings.TryAdd(order.Key, rendering)) continue;
            rendering.Result = Task.Run(() => RenderAsync(order, rendering));
            return rendering;
        }
    }

    private async Task<Failure?> RenderAsync(ClipOrder order, Rendering rendering)
    {
        await _room.WaitAsync(rendering.Stop.Token);
        try
        {
            var request = new StudioRequest { Prompt = order.Prompt, Seed = order.Seed, Seconds = order.Seconds, Width = order.Width, Height = order.Height, ReferencePath = order.ReferencePath, OutputPath = rendering.Path };
            await _renderer.RenderAsync(request, share => rendering.Progress = share, rendering.Stop.Token);
            return null;
        }
        catch (Exception fault) when (fault is FfmpegException or IOException)
        {
            _logger.LogWarning(fault, "Rendering {Order} failed", order.Key);
            return new Failure(FailureClass.Transient, "Rendering the clip failed.");
        }
        finally
        {
            if (_room.Release() == ConcurrencyMax - 1) _tidying.Change(TidyAfter, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>The painters' frames are hundreds of megabytes; an idle program gives them back rather than keeping them for the next clip.</summary>
    private void Tidy()
    {
        if (_room.CurrentCount == ConcurrencyMax) GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    private sealed class Rendering(string path)
    {
        public string Path { get; } = path;

        public CancellationTokenSource Stop { get; } = new();

        public double Progress { get; set; }

        /// <summary>Null when the file is there.</summary>
        public Task<Failure?> Result { get; set; } = new TaskCompletionSource<Failure?>().Task;
    }
}
