using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace SkyRiff.Bench.Gateway;

/// <summary>The same job for each proxy: keep-alive both ways, one upstream, 1 KB answers; <c>full</c> adds what the proxy is measured with.</summary>
internal static class PeerConfigs
{
    /// <summary>A limit that counts every request and refuses none.</summary>
    public const string Limits = "limits: {clients: {rate: 1000000/s, burst: 1000000, everywhere: true}}\n";

    /// <summary>Where the upstream's answers may be stored; they are as <see cref="TextPath"/>'s.</summary>
    public const string FreshPath = "/fresh/";

    /// <summary>Where the upstream answers 1 KB of what compresses as a text does, and not a thousand equal letters.</summary>
    public const string TextPath = "/text/";

    private static readonly string Text = MakeText();

    public static string Jwt(string jwksFile) => $"jwt: {{issuer: bench, audience: gateway, jwks: \"{jwksFile}\"}}\n";

    public static string NginxUpstream(int port) => $$"""
        server {
          listen 127.0.0.1:{{port}} reuseport;
          location / { default_type text/plain; return 200 "{{new string('x', 1024)}}"; }
          location {{FreshPath}} { default_type text/plain; add_header Cache-Control "max-age=3600"; return 200 "{{Text}}"; }
          location {{TextPath}} { default_type text/plain; return 200 "{{Text}}"; }
        }
        """;

    public static string NginxProxy(int port, int upstream, bool limited) => $$"""
        limit_req_zone $binary_remote_addr zone=clients:10m rate=1000000r/s;
        {{NginxBehind(upstream)}}
        server {
          listen 127.0.0.1:{{port}} reuseport;
          location / {
            {{(limited ? "limit_req zone=clients burst=1000000 nodelay;" : "")}}
            {{NginxPass}}
          }
        }
        """;

    public static string NginxTls(int port, int upstream, string certificate, string key) => $$"""
        {{NginxBehind(upstream)}}
        server {
          listen 127.0.0.1:{{port}} ssl http2 reuseport;
          ssl_certificate {{certificate}};
          ssl_certificate_key {{key}};
          location / {
            {{NginxPass}}
          }
        }
        """;

    public static string Haproxy(int port, int upstream, bool limited) => $"""
        global
          nbthread {GatewayBench.ProxyCoreCount}
          maxconn 4000
        defaults
          mode http
          option http-keep-alive
          http-reuse always
          timeout connect 1s
          timeout client 60s
          timeout server 5s
          timeout http-keep-alive 60s
        frontend clients
          bind 127.0.0.1:{port}
          option forwardfor
          {(limited ? "stick-table type ip size 100k expire 30s store http_req_rate(1s)\n  http-request track-sc0 src\n  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1000000 }" : "")}
          default_backend behind
        backend behind
          server one 127.0.0.1:{upstream} pool-max-conn 256

        """;

    /// <param name="port">Where it listens.</param>
    /// <param name="upstream">Where it forwards to.</param>
    /// <param name="top">Further sections, each a line.</param>
    /// <param name="cluster">What the cluster says besides, beginning with a comma.</param>
    /// <param name="route">The same for the route.</param>
    /// <param name="listen">The same for the listener; empty: the lean front.</param>
    public static string Gateway(int port, int upstream, string top = "", string cluster = "", string route = "", string listen = "") => $$"""
        listen: [{address: "127.0.0.1:{{port}}"{{(listen.Length > 0 ? listen : $", loops: {GatewayBench.ProxyCoreCount}")}} }]
        {{top}}
        clusters:
          behind: {endpoints: ["127.0.0.1:{{upstream}}"]{{cluster}} }
          second: {endpoints: ["127.0.0.1:{{upstream}}"] }
        routes:
          - {name: all, to: behind{{route}} }
        """;

    /// <summary>A key set and a token that lasts for the run.</summary>
    public static (string Jwks, string Token) Credentials(DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var q = key.ExportParameters(false).Q;
        var jwks = $$"""{"keys":[{"kty":"EC","crv":"P-256","kid":"bench","x":"{{Base64Url.EncodeToString(q.X)}}","y":"{{Base64Url.EncodeToString(q.Y)}}"}]}""";
        var signed = Encode("""{"alg":"ES256","typ":"JWT","kid":"bench"}""") + "."
            + Encode($$"""{"sub":"4711","iss":"bench","aud":"gateway","iat":{{now.ToUnixTimeSeconds()}},"exp":{{now.AddHours(6).ToUnixTimeSeconds()}}}""");
        return (jwks, signed + "." + Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256)));
    }

    private static string MakeText()
    {
        const string Letters = "eeeettttaaaoooiiinnnsshhrrdllcumwfgypbvk";
        var entropy = Kernel.Entropy.Seeded(1);
        var words = Enumerable.Range(0, 200).Select(_ => new string([.. Enumerable.Range(0, 2 + entropy.Next(7)).Select(_ => Letters[entropy.Next(Letters.Length)])])).ToArray();
        var text = new StringBuilder();
        while (text.Length < 1024) text.Append(words[entropy.Next(words.Length)]).Append(' ');
        return text.ToString(0, 1024);
    }

    private static string Encode(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));

    private const string NginxPass = """
        proxy_pass http://behind;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    proxy_set_header Host $host;
                    proxy_set_header X-Forwarded-For $remote_addr;
        """;

    private static string NginxBehind(int upstream) => $"upstream behind {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}";

    public static string Nginx(string folder, string name, int workers, string server) => $$"""
        worker_processes {{workers}};
        daemon off;
        pid {{folder}}/{{name}}.pid;
        error_log {{folder}}/{{name}}.err;
        events { worker_connections 20000; }
        http {
          access_log off;
          keepalive_requests 1000000000;
          keepalive_timeout 300s;
          client_body_temp_path {{folder}}/{{name}}.body;
          proxy_temp_path {{folder}}/{{name}}.proxy;
          fastcgi_temp_path {{folder}}/{{name}}.fastcgi;
          uwsgi_temp_path {{folder}}/{{name}}.uwsgi;
          scgi_temp_path {{folder}}/{{name}}.scgi;
          {{server}}
        }
        """;
}
