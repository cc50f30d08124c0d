using System.Diagnostics;
using System.Globalization;
using System.Net;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Holding;

/// <summary>What the attackers told of themselves.</summary>
/// <param name="Wanted">Connections that they were ordered to hold.</param>
/// <param name="Connected">Those they hold now.</param>
/// <param name="Sent">Bytes, since the order.</param>
/// <param name="Cut">Connections that were ended for them; each came again.</param>
/// <param name="Failed">Connections that did not come about.</param>
internal sealed record AttackSeen(int Wanted, int Connected, long Sent, int Cut, int Failed);

/// <summary>
/// The <see cref="SlowClients"/>, and the upstream that serves what they ask the gateway for, as one process of the lowest priority: in life they have machines of their own,
/// and what they cost here must not be taken for what the gateway costs. And the <see cref="SlowHolder"/>, at which they are aimed for comparison.
/// </summary>
internal sealed class AttackProcess : IAsyncDisposable
{
    /// <summary>What this test program is started with to be the attackers.</summary>
    public const string ClientsCommand = "slow-clients";

    /// <summary>What it is started with to hold connections.</summary>
    public const string HolderCommand = "slow-holder";

    private readonly Process _clients;
    private readonly Process _holder;
    private readonly Task _listening;
    private AttackSeen _seen = new(0, 0, 0, 0, 0);

    private AttackProcess(Process clients, IPEndPoint upstream, Process holder, IPEndPoint elsewhere)
    {
        (_clients, Upstream, _holder, Elsewhere) = (clients, upstream, holder, elsewhere);
        _listening = ListenAsync();
    }

    /// <summary>Answers what the slow clients ask for: a megabyte, once the request is whole.</summary>
    public IPEndPoint Upstream { get; }

    /// <summary>A target that is not the gateway.</summary>
    public IPEndPoint Elsewhere { get; }

    public AttackSeen Seen => Volatile.Read(ref _seen);

    public static async Task<AttackProcess> StartAsync()
    {
        // By the scheduler's class, which threads inherit; a process's nice value would be its first thread's only.
        var clients = Start("chrt", ["--idle", "0", Environment.ProcessPath!, ClientsCommand]);
        var holder = Start(Environment.ProcessPath!, [HolderCommand]);
        return new AttackProcess(clients, await AddressAsync(clients), holder, await AddressAsync(holder));
    }

    /// <summary>Whoever was attacked is left, and so many come to this port within a few seconds.</summary>
    public async Task AimAsync(int port, int count)
    {
        await _clients.StandardInput.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{port} {count}"));
        await _clients.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => Seen.Wanted == count && Seen.Connected >= count * 0.95, "the slow clients are connected", TimeSpan.FromSeconds(60));
    }

    public Task LeaveAsync() => AimAsync(0, 0);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in (Process[])[_clients, _holder])
        {
            process.StandardInput.Close();
            if (!process.WaitForExit(TimeSpan.FromSeconds(20))) process.Kill();
        }
        await _listening;
        _clients.Dispose();
        _holder.Dispose();
    }

    private static Process Start(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment.Remove("SKYRIFF_LONG");
        return Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
    }

    private static async Task<IPEndPoint> AddressAsync(Process process)
    {
        var line = await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        return line is ['a', 't', ' ', .. var address] ? IPEndPoint.Parse(address) : throw new InvalidOperationException($"A child said: {line ?? "nothing"}");
    }

    private async Task ListenAsync()
    {
        while (await _clients.StandardOutput.ReadLineAsync(CancellationToken.None) is { } line)
        {
            var words = line.Split(' ').Select(w => long.Parse(w, CultureInfo.InvariantCulture)).ToArray();
            Volatile.Write(ref _seen, new AttackSeen((int)words[0], (int)words[1], words[2], (int)words[3], (int)words[4]));
        }
    }
}
