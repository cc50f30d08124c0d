using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using SkyRiff.Gateway.Lean;
using SkyRiff.Kernel;
using SkyRiff.Resilience;
using SkyRiff.Services.Tests.Gateway.Hostile;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Lean;

/// <summary>
/// The hostile list through the gateway into real servers: what it forwards is seen as as many requests as it sent, each with the method, target and host
/// that the gateway understood. nginx and HAProxy are skipped where they are not installed.
/// </summary>
public sealed class DifferentialTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gw-diff-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Kestrel_sees_what_the_gateway_understood()
    {
        var socket = Path.Combine(_folder, "kestrel.sock");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(socket));
        await using var app = builder.Build();
        app.Run(async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
            await context.Response.WriteAsync($"{context.Request.Method} {context.Features.Get<IHttpRequestFeature>()!.RawTarget} {context.Request.Host}", context.RequestAborted);
        });
        await app.StartAsync(Token);
        await CompareAsync(socket);
    }

    [Fact]
    public async Task Nginx_sees_what_the_gateway_understood()
    {
        var socket = Path.Combine(_folder, "nginx.sock");
        var config = Path.Combine(_folder, "nginx.conf");
        await File.WriteAllTextAsync(config, $$"""
            daemon off; master_process off; pid {{_folder}}/nginx.pid; error_log {{_folder}}/nginx.err;
            events { worker_connections 64; }
            http {
              access_log off; large_client_header_buffers 8 32k; merge_slashes off;
              client_body_temp_path {{_folder}}/a; proxy_temp_path {{_folder}}/b; fastcgi_temp_path {{_folder}}/c; uwsgi_temp_path {{_folder}}/d; scgi_temp_path {{_folder}}/e;
              server { listen unix:{{socket}}; location / { default_type text/plain; return 200 "$request_method $request_uri $http_host"; } }
            }
            """, Token);
        using var nginx = Start("/usr/sbin/nginx", "-p", _folder, "-c", config);
        try
        {
            await CompareAsync(socket);
        }
        finally
        {
            nginx.Kill();
            await nginx.WaitForExitAsync(Token);
        }
    }

    [Fact]
    public async Task Haproxy_sees_what_the_gateway_understood()
    {
        var socket = Path.Combine(_folder, "haproxy.sock");
        var config = Path.Combine(_folder, "haproxy.cfg");
        await File.WriteAllTextAsync(config, $"""
            global
              maxconn 100
            defaults
              mode http
              timeout client 10s
              timeout server 10s
              timeout connect 1s
            frontend f
              bind unix@{socket}
              http-request return status 200 content-type text/plain lf-string "%[method] %[url] %[req.hdr(host)]"

            """, Token);
        using var haproxy = Start("/usr/sbin/haproxy", "-db", "-f", config);
        try
        {
            await CompareAsync(socket);
        }
        finally
        {
            haproxy.Kill();
            await haproxy.WaitForExitAsync(Token);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Process Start(string file, params string[] arguments)
    {
        if (!File.Exists(file)) Assert.Skip($"{file} is not installed.");
        return Process.Start(new ProcessStartInfo(file, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
    }

    private static async Task CompareAsync(string socket)
    {
        var patience = Stopwatch.StartNew();
        while (!await AnswersAsync(socket))
        {
            if (patience.Elapsed > TimeSpan.FromSeconds(10)) throw new TimeoutException($"Nobody listens on {socket}.");
            await Task.Yield();
        }
        var edge = new EdgeConfig
        {
            Clusters = [LeanGateway.NeverOpen(new ClusterConfig("c") { Endpoints = [new("server", new UnixDomainSocketEndPoint(socket), 1)] })],
            Routes = [new RouteConfig("r") { Cluster = "c" }],
        };
        var snapshot = EdgeCompiler.Compile(edge, null, Entropy.Seeded(1), new MonotonicClock(TimeProvider.System).Now);
        await using var front = LeanFront.Start(new LeanOptions { Listen = new(System.Net.IPAddress.Loopback, 0), Loops = 1, DrainTimeout = TimeSpan.FromSeconds(1) }, snapshot, TimeProvider.System, Entropy.Seeded(1));
        var wrong = new List<string>();
        foreach (var item in HostileCases.Requests().Where(c => c.Verdict != "wait" && !c.Name.StartsWith("an Upgrade to WebSocket", StringComparison.Ordinal)))
        {
            var expected = Expected(item.Bytes);
            using var client = await Wire.ConnectAsync(front.EndPoint);
            await client.WriteAsync(item.Bytes);
            foreach (var echo in expected)
            {
                var head = await client.ReadHeadAsync() ?? $"nothing for {item.Name}";
                // An old client's body ends with the connection.
                var body = head.Contains("Connection: close", StringComparison.Ordinal) && Wire.Header(head, "Content-Length") is null ? await client.ReadToEndAsync() : await client.ReadBodyAsync(head);
                if (head.StartsWith("HTTP/1.1 100", StringComparison.Ordinal)) (head, body) = await client.ReadResponseAsync();
                if (head.Contains("chunked", StringComparison.Ordinal)) body = Unchunk(body);
                // A server may be stricter than we are and answer 4xx; what it must not do is to see another request.
                if (head.StartsWith("HTTP/1.1 200", StringComparison.Ordinal) && body.TrimEnd() != echo) wrong.Add($"{item.Name}: sent {echo}, seen {body}");
                if (head.Contains("Connection: close", StringComparison.Ordinal)) break;
            }
            if (item.Verdict.StartsWith("refuse", StringComparison.Ordinal) && (await client.ReadToEndAsync()).Contains("HTTP/1.1 200", StringComparison.Ordinal))
                wrong.Add($"{item.Name}: the refused request was answered");
        }
        wrong.ShouldBeEmpty();
        front.Counters[0].UpstreamFaults.ShouldBe(0);
        front.Counters[0].LastBug.ShouldBeNull();
    }

    /// <summary>What the gateway understands before it refuses: method, target, host of each whole request.</summary>
    private static List<string> Expected(byte[] bytes)
    {
        var (head, at, echoes) = (new RequestHead(), 0, new List<string>());
        while (RequestParser.Parse(bytes, at, bytes.Length, HeadLimits.Default, head) == ParseStatus.Complete)
        {
            at += head.Length;
            if (head.Body == BodyKind.Length && bytes.Length - at < head.ContentLength) break;
            if (head.Body == BodyKind.Length) at += (int)head.ContentLength;
            if (head.Body == BodyKind.Chunked && !SkipChunks(bytes, ref at)) break;
            var query = head.HasQuery ? "?" + Encoding.Latin1.GetString(head.Query) : "";
            echoes.Add($"{Encoding.Latin1.GetString(head.MethodName)} {Encoding.Latin1.GetString(head.Path)}{query} {Encoding.Latin1.GetString(head.Authority)}".TrimEnd());
        }
        return echoes;
    }

    private static bool SkipChunks(byte[] bytes, ref int at)
    {
        var decoder = new ChunkedDecoder(HeadLimits.Default);
        while (true)
        {
            var step = decoder.Next(bytes.AsSpan(at), out var consumed, out _, out _);
            at += consumed;
            if (step == ChunkStep.Complete) return true;
            if (step is ChunkStep.Refused || (step == ChunkStep.NeedMore && at >= bytes.Length)) return false;
        }
    }

    private static string Unchunk(string body)
    {
        var bytes = Encoding.Latin1.GetBytes(body);
        var (decoder, at, text) = (new ChunkedDecoder(HeadLimits.Default), 0, new StringBuilder());
        while (true)
        {
            var step = decoder.Next(bytes.AsSpan(at), out var consumed, out var start, out var length);
            if (step == ChunkStep.Data) text.Append(Encoding.Latin1.GetString(bytes, at + start, length));
            at += consumed;
            if (step is ChunkStep.Complete or ChunkStep.Refused) return text.ToString();
        }
    }

    private static async Task<bool> AnswersAsync(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), Token);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
