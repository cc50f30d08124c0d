using Microsoft.Extensions.Logging;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;

namespace SkyRiff.Gateway.Running;

/// <summary>
/// Fetches the token issuer's keys: every few minutes, and soon after a token named a key that is not known (a rotation). What cannot be
/// fetched or read leaves the keys as they are.
/// </summary>
internal sealed class JwksRefresher(EdgeRuntime runtime, TimeProvider time, Entropy entropy, ILogger<JwksRefresher> logger)
    : SupervisedLoop("gateway-jwks-refresher", time, entropy, logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(5);

    /// <summary>At most so often on behalf of unknown keys, which anybody can name.</summary>
    private static readonly TimeSpan IntervalWhenUnknown = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan FetchTimeout = TimeSpan.FromSeconds(3);
    private const int BytesMax = 64 * 1024;

    private static readonly HttpClient Client = new(new SocketsHttpHandler { AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(1) })
    {
        Timeout = FetchTimeout,
        MaxResponseContentBufferSize = BytesMax,
    };

    /// <summary>Loads the keys once; true when they could be had.</summary>
    public static async Task<bool> LoadAsync(EdgeSnapshot snapshot, CancellationToken cancellationToken)
    {
        if (snapshot is not { Config.Jwt: { } config, Jwt: { } verifier }) return true;
        try
        {
            var json = config.Jwks.StartsWith("http", StringComparison.Ordinal)
                ? await Client.GetStringAsync(new Uri(config.Jwks), cancellationToken)
                : await File.ReadAllTextAsync(config.Jwks, cancellationToken);
            if (JsonWebKeys.TryParse(json) is not { Count: > 0 } keys) return false;
            if (json != verifier.KeysText) (verifier.Keys, verifier.KeysText) = (keys, json);
            return true;
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or UnauthorizedAccessException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return false;
        }
    }

    protected override async Task RunAsync(CancellationToken stopping)
    {
        var seenUnknown = 0L;
        var loadedAt = Time.GetTimestamp();
        while (true)
        {
            await Task.Delay(IntervalWhenUnknown, Time, stopping);
            var snapshot = runtime.Snapshot;
            if (snapshot.Jwt is not { } verifier) continue;
            var unknown = verifier.UnknownKeys;
            if (unknown == seenUnknown && verifier.Keys.Count > 0 && Time.GetElapsedTime(loadedAt) < Interval) continue;
            (seenUnknown, loadedAt) = (unknown, Time.GetTimestamp());
            if (!await LoadAsync(snapshot, stopping)) Logger.LogWarning("The token issuer's keys could not be read from {Jwks}; the ones before stay", snapshot.Config.Jwt!.Jwks);
        }
    }
}
