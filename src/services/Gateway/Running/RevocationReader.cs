using Microsoft.Extensions.Logging;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Discovery;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;
using SkyRiff.Redis;

namespace SkyRiff.Gateway.Running;

/// <summary>
/// Follows the list of revoked tokens. While Redis is away what was read stays, and tokens live on until they expire: refusing everybody would let an outage of
/// Redis be one of everything.
/// </summary>
internal sealed class RevocationReader(EdgeRuntime runtime, TimeProvider time, Entropy entropy, ILogger<RevocationReader> logger)
    : SupervisedLoop("gateway-revocation-reader", time, entropy, logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>How long a start or a reload waits for the first answer.</summary>
    private static readonly TimeSpan FirstAnswerTimeout = TimeSpan.FromSeconds(3);

    private readonly SemaphoreSlim _reading = new(1);
    private JwtVerifier? _read;
    private long _cursor;
    private bool _isAway;

    /// <summary>Reads the list of a configuration that nobody was judged by yet; one read before is only followed.</summary>
    public async Task PrepareAsync(EdgeSnapshot snapshot, CancellationToken cancellationToken)
    {
        if (snapshot.Jwt is not { } verifier || ReferenceEquals(verifier, Volatile.Read(ref _read))) return;
        using var timeout = new CancellationTokenSource(FirstAnswerTimeout, Time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        await ReadAsync(snapshot, limit.Token);
        cancellationToken.ThrowIfCancellationRequested();
    }

    protected override async Task RunAsync(CancellationToken stopping)
    {
        while (true)
        {
            await Task.Delay(Interval, Time, stopping);
            await ReadAsync(runtime.Snapshot, stopping);
        }
    }

    private async Task ReadAsync(EdgeSnapshot snapshot, CancellationToken cancellationToken)
    {
        if (snapshot is not { Jwt: { } verifier, Config.Jwt.Revocations: { Length: > 0 } list } || runtime.Redis is not { } redis) return;
        try
        {
            await _reading.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        try
        {
            if (!ReferenceEquals(verifier, _read)) _cursor = 0;
            Volatile.Write(ref _read, verifier);
            _cursor = await new RevocationList(redis, list).ReadAsync(_cursor, verifier.Revocations, cancellationToken);
            _isAway = false;
        }
        catch (Exception away) when (away is RedisException or OperationCanceledException)
        {
            if (!_isAway && away is RedisException) Logger.LogWarning("The list of revoked tokens {List} cannot be read: {Reason}; what was read stays", list, away.Message);
            _isAway = true;
        }
        finally
        {
            _reading.Release();
        }
    }
}
