using Microsoft.Extensions.Logging;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;
using SkyRiff.Redis;

namespace SkyRiff.Gateway.Discovery;

/// <summary>
/// Holds an instance's lease: renews it three times in its length, and gives it up when it stops. With a check, it is renewed only while the instance says that
/// it is ready, so an instance that died or hangs goes with its lease.
/// </summary>
internal sealed class Registration(Registry registry, string address, int weight, TimeSpan lease, Uri? check, TimeProvider time, Entropy entropy, ILogger<Registration> logger)
    : SupervisedLoop("gateway-registration", time, entropy, logger)
{
    private static readonly TimeSpan LeaveTimeout = TimeSpan.FromSeconds(2);
    private bool _isHeld;

    /// <summary>The lease was renewed the last time it was due.</summary>
    public bool IsHeld => Volatile.Read(ref _isHeld);

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false }) { Timeout = lease / 3 };
        try
        {
            while (true)
            {
                Volatile.Write(ref _isHeld, await IsReadyAsync(client, stopping) && await TryRenewAsync(stopping));
                await Task.Delay(lease / 3, Time, stopping);
            }
        }
        finally
        {
            await LeaveAsync();
        }
    }

    private async Task<bool> IsReadyAsync(HttpClient client, CancellationToken stopping)
    {
        if (check is null) return true;
        try
        {
            using var reply = await client.GetAsync(check, HttpCompletionOption.ResponseHeadersRead, stopping);
            if (reply.IsSuccessStatusCode) return true;
            Say($"answered {(int)reply.StatusCode}");
        }
        catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException)
        {
            stopping.ThrowIfCancellationRequested();
            Say("did not answer");
        }
        return false;

        void Say(string what)
        {
            if (IsHeld) Logger.LogWarning("{Check} {What}; the lease of {Address} is not renewed", check, what, address);
        }
    }

    private async Task<bool> TryRenewAsync(CancellationToken stopping)
    {
        try
        {
            var instances = await registry.RenewAsync(address, weight, lease, stopping);
            if (!IsHeld) Logger.LogInformation("{Address} is registered; {Instances} instances are there", address, instances);
            return true;
        }
        catch (RedisException away)
        {
            if (IsHeld) Logger.LogWarning("The lease of {Address} could not be renewed: {Trouble}", address, away.Message);
            return false;
        }
    }

    private async Task LeaveAsync()
    {
        using var limit = new CancellationTokenSource(LeaveTimeout, Time);
        try
        {
            await registry.LeaveAsync(address, weight, limit.Token);
        }
        catch (Exception away) when (away is RedisException or OperationCanceledException)
        {
            // It expires by itself.
        }
    }
}
