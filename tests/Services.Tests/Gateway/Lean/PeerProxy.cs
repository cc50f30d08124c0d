using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Lean;

/// <summary>nginx or HAProxy in front of the gateway, on a Unix socket; the test is skipped where it is not installed.</summary>
internal sealed class PeerProxy : IAsyncDisposable
{
    /// <summary>A field that it gives to every request that it sees: one that arrives without is one that it did not see.</summary>
    public const string Mark = "X-Front";

    private readonly string _folder;
    private readonly Process _process;

    private PeerProxy(string folder, Process process) => (_folder, _process) = (folder, process);

    private string SocketPath => Path.Combine(_folder, "front.sock");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<PeerProxy> StartAsync(string name, IPEndPoint gateway)
    {
        var file = "/usr/sbin/" + name;
        if (!File.Exists(file)) Assert.Skip($"{file} is not installed.");
        var folder = Directory.CreateTempSubdirectory("gw-front-").FullName;
        var config = Path.Combine(folder, "front.conf");
        await File.WriteAllTextAsync(config, name == "nginx" ? Nginx(folder, gateway) : Haproxy(folder, gateway), Token);
        string[] arguments = name == "nginx" ? ["-p", folder, "-c", config] : ["-db", "-f", config];
        var process = Process.Start(new ProcessStartInfo(file, arguments) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true })!;
        var proxy = new PeerProxy(folder, process);
        await Eventually.TrueAsync(proxy.AnswersAsync, $"{name} listens");
        return proxy;
    }

    public async Task<Wire> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), Token);
        return new Wire(socket);
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Connections to the gateway are kept and shared, as in earnest: what one request leaves on them would meet the next.</summary>
    private static string Nginx(string folder, IPEndPoint gateway) => $$"""
        daemon off; master_process off; pid {{folder}}/nginx.pid; error_log {{folder}}/nginx.err;
        events { worker_connections 256; }
        http {
          access_log off; large_client_header_buffers 8 32k; merge_slashes off; underscores_in_headers on; ignore_invalid_headers off; client_max_body_size 0;
          client_body_temp_path {{folder}}/a; proxy_temp_path {{folder}}/b; fastcgi_temp_path {{folder}}/c; uwsgi_temp_path {{folder}}/d; scgi_temp_path {{folder}}/e;
          upstream gateway { server {{gateway}}; keepalive 16; }
          server {
            listen unix:{{folder}}/front.sock;
            location / { proxy_pass http://gateway; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header {{Mark}} 1; proxy_set_header Host $http_host; proxy_ignore_client_abort on; proxy_next_upstream off; }
          }
        }
        """;

    private static string Haproxy(string folder, IPEndPoint gateway) => $"""
        global
          maxconn 200
        defaults
          mode http
          option http-keep-alive
          http-reuse always
          timeout client 10s
          timeout server 10s
          timeout connect 1s
        frontend f
          bind unix@{folder}/front.sock
          default_backend gateway
        backend gateway
          http-request set-header {Mark} 1
          server one {gateway} pool-max-conn 16

        """;

    private async Task<bool> AnswersAsync()
    {
        if (_process.HasExited) throw new InvalidOperationException(await _process.StandardError.ReadToEndAsync(Token));
        try
        {
            (await ConnectAsync()).Dispose();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
