using System.Diagnostics;
using System.Text.Json.Nodes;
using SkyRiff.Testing;

namespace SkyRiff.Foundation.Tests.Kernel;

/// <summary>The npm package jose, in a process of its own; installed when first asked for.</summary>
internal sealed class Jose : IDisposable
{
    private static readonly string Folder = Path.Combine(Sources.Root, "tests", "interop");

    private readonly Process _node;

    private Jose(Process node) => _node = node;

    public static async Task<Jose> StartAsync()
    {
        if (!Directory.Exists(Path.Combine(Folder, "node_modules", "jose"))) await RunAsync("npm", ["ci", "--no-audit", "--no-fund", "--prefix", Folder]);
        return new Jose(Process.Start(new ProcessStartInfo("node", [Path.Combine(Folder, "jose.mjs")]) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true })!);
    }

    public async Task<JsonObject> AskAsync(JsonObject request)
    {
        await _node.StandardInput.WriteLineAsync(request.ToJsonString().AsMemory(), CancellationToken.None);
        await _node.StandardInput.FlushAsync(CancellationToken.None);
        var answer = await _node.StandardOutput.ReadLineAsync(CancellationToken.None) ?? throw new InvalidOperationException("node ended without an answer.");
        return JsonNode.Parse(answer)!.AsObject();
    }

    public void Dispose()
    {
        _node.StandardInput.Close();
        _node.WaitForExit();
        _node.Dispose();
    }

    private static async Task RunAsync(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {await output}{await errors}");
    }
}
