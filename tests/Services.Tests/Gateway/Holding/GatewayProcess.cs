using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using SkyRiff.Gateway;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Holding;

/// <summary>The gateway as a process of its own, from a file, so that its memory, processor time and sockets are its alone.</summary>
internal sealed class GatewayProcess : IAsyncDisposable
{
    /// <summary>What this test program is started with to be that process.</summary>
    public const string Command = "gateway-serve";

    private const double TicksPerSecond = 100; // USER_HZ
    private readonly Process _process;
    private readonly string _folder;
    private readonly string _listen;
    private readonly int _adminPort;
    private readonly HttpClient _admin;

    private GatewayProcess(Process process, string folder, string listen, int port, int admin)
    {
        (_process, _folder, _listen, Port, _adminPort) = (process, folder, listen, port, admin);
        _admin = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{admin}"), Timeout = TimeSpan.FromSeconds(20) };
    }

    public int Port { get; }

    public string ConfigFile => Path.Combine(_folder, "gateway.yaml");

    public long ResidentBytes => long.Parse(Proc("statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;

    public double CpuSeconds
    {
        get
        {
            var stat = Proc("stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
        }
    }

    /// <summary>Sockets that the process holds, by its descriptors.</summary>
    public int Sockets
    {
        get
        {
            var count = 0;
            foreach (var descriptor in Directory.EnumerateFiles($"/proc/{_process.Id}/fd"))
            {
                try
                {
                    if (File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.Name.StartsWith("socket:", StringComparison.Ordinal) == true) count++;
                }
                catch (FileNotFoundException)
                {
                    // closed while we looked
                }
            }
            return count;
        }
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Serves until SIGTERM, or until the test program is gone; this is the child's side.</summary>
    public static async Task<int> ServeAsync(string configFile)
    {
        GatewayHost.PrepareProcess();
        using var stopping = new CancellationTokenSource();
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            stopping.Cancel();
        });
        var parent = new Thread(() =>
        {
            while (Console.In.Read() >= 0) continue;
            stopping.Cancel();
        })
        { IsBackground = true };
        parent.Start();
        return await GatewayHost.RunAsync(configFile, Console.Out, NullLoggerFactory.Instance, stopping.Token);
    }

    /// <param name="listen">What the listener's entry says besides its address, such as <c>loops: 1</c>.</param>
    /// <param name="config">The rest of the file: clusters, routes.</param>
    /// <param name="files">Further files that the configuration names by <c>{folder}</c>.</param>
    public static async Task<GatewayProcess> StartAsync(string listen, string config, params (string Name, string Text)[] files)
    {
        var folder = Directory.CreateTempSubdirectory("gateway-holding-").FullName;
        foreach (var (name, text) in files) await File.WriteAllTextAsync(Path.Combine(folder, name), text, Token);
        var (port, admin) = (FreePort(), FreePort());
        var file = Path.Combine(folder, "gateway.yaml");
        await File.WriteAllTextAsync(file, Text(port, admin, listen, config, folder), Token);
        var start = new ProcessStartInfo(Environment.ProcessPath!, [Command, file]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardInput = true };
        start.Environment.Remove("SKYRIFF_LONG");
        var process = Process.Start(start) ?? throw new InvalidOperationException("The gateway did not start.");
        var gateway = new GatewayProcess(process, folder, listen, port, admin);
        while (await process.StandardOutput.ReadLineAsync(Token) is { } line)
        {
            if (line.StartsWith("admin on", StringComparison.Ordinal)) return gateway;
        }
        await gateway.DisposeAsync();
        throw new InvalidOperationException("The gateway ended before it served.");
    }

    /// <summary>Writes another configuration; it is in force when the status counts one reload more.</summary>
    public Task WriteConfigAsync(string config) => File.WriteAllTextAsync(ConfigFile, Text(Port, _adminPort, _listen, config, _folder), Token);

    public async Task<JsonElement> StatusAsync()
    {
        using var document = JsonDocument.Parse(await _admin.GetStringAsync(new Uri("/status", UriKind.Relative), Token));
        return document.RootElement.Clone();
    }

    /// <summary>One of the lean front's counters, such as <c>inFlight</c>.</summary>
    public async Task<long> CounterAsync(string name) => (await StatusAsync()).GetProperty("fronts").GetProperty("lean")[0].GetProperty(name).GetInt64();

    /// <summary>Nothing is in flight any more, and no bug was counted.</summary>
    public Task UntilQuietAsync() => Eventually.TrueAsync(
        async () =>
        {
            var status = await StatusAsync();
            foreach (var lean in status.GetProperty("fronts").GetProperty("lean").EnumerateArray())
            {
                if (lean.GetProperty("bugs").GetInt64() != 0) throw new InvalidOperationException($"The gateway counted a bug: {lean}");
                if (lean.GetProperty("inFlight").GetInt64() != 0) return false;
            }
            return status.GetProperty("clusters").EnumerateArray().All(c => c.GetProperty("inFlight").GetInt64() == 0
                && c.GetProperty("targets").EnumerateArray().All(t => t.GetProperty("inFlight").GetInt64() == 0));
        },
        "everything in flight came to an end");

    /// <summary>Asks it to stop, and says how it ended.</summary>
    public async Task<int> StopAsync()
    {
        Signal("TERM");
        await Eventually.TrueAsync(() => _process.HasExited, "the gateway stopped", TimeSpan.FromSeconds(45));
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
        _admin.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Asks it to stop and does not wait.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static string Text(int port, int admin, string listen, string config, string folder) =>
        $$"""
        listen: [{address: "127.0.0.1:{{port}}"{{(listen.Length > 0 ? ", " + listen : "")}} }]
        admin: "127.0.0.1:{{admin}}"
        {{config}}
        """.Replace("{folder}", folder, StringComparison.Ordinal);

    private string Proc(string name) => File.ReadAllText($"/proc/{_process.Id}/{name}");

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
