using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Shouldly;
using SkyRiff.Redis;
using SkyRiff.Testing.Redis;
using Xunit;

namespace SkyRiff.Foundation.Tests.Redis;

/// <summary>Ways to a real server, and who is let in.</summary>
public sealed class ConnectingTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Unix_sockets_databases_and_ACL_users_work_and_a_wrong_password_is_named()
    {
        await using var server = await RedisServerProcess.StartAsync("--user", "ann", "on", ">secret", "~*", "&*", "+@all");
        var endpoint = RedisEndpoint.UnixSocket(server.SocketPath);
        await using var second = await RedisClient.ConnectAsync(
            new RedisOptions { Endpoints = [endpoint], User = "ann", Password = "secret", Database = 3 }, Cancellation);
        await second.SetAsync("k", "in three", null, Cancellation);
        using (var who = await second.CallAsync(["ACL", "WHOAMI"], -1, Cancellation))
            who.Root.GetString().ShouldBe("ann");

        await using var first = await RedisClient.ConnectAsync(RedisOptions.Parse($"redis://ann:secret@127.0.0.1:{server.Port}/0"), Cancellation);
        (await first.ExistsAsync("k", Cancellation)).ShouldBeFalse();

        await using var wrong = RedisClient.Create(new RedisOptions { Endpoints = [endpoint], User = "ann", Password = "guess", TimeLimit = TimeSpan.FromMilliseconds(200) });
        var failure = await Should.ThrowAsync<RedisException>(async () => await wrong.PingAsync(Cancellation));
        failure.Kind.ShouldBe(RedisErrorKind.NotSent);
        failure.Message.ShouldContain("WRONGPASS");
        failure.ToString().ShouldNotContain("guess");
    }

    [Fact]
    public async Task TLS_is_spoken_and_a_certificate_of_somebody_else_is_refused()
    {
        var folder = Directory.CreateTempSubdirectory("skyriff-tls-");
        try
        {
            using var certificate = MakeCertificate();
            var (certificateFile, keyFile) = (Path.Combine(folder.FullName, "c.pem"), Path.Combine(folder.FullName, "k.pem"));
            await File.WriteAllTextAsync(certificateFile, certificate.ExportCertificatePem(), Cancellation);
            await File.WriteAllTextAsync(keyFile, certificate.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem(), Cancellation);
            var port = RedisServerProcess.FreePort();
            await using var server = await RedisServerProcess.StartAsync(
                "--tls-port", $"{port}", "--tls-cert-file", certificateFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", certificateFile, "--tls-auth-clients", "no");

            var pinned = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, given, _, _) => given?.GetCertHashString() == certificate.GetCertHashString(),
            };
            await using var redis = await RedisClient.ConnectAsync(new RedisOptions { Endpoints = [new RedisEndpoint("127.0.0.1", port)], Tls = pinned }, Cancellation);
            var value = new byte[300_000];
            Random.Shared.NextBytes(value);
            await redis.SetAsync("k", value, null, Cancellation);
            await Task.WhenAll(Enumerable.Range(0, 50).Select(async _ =>
            {
                using var read = await redis.GetAsync("k", Cancellation);
                read.Span.SequenceEqual(value).ShouldBeTrue();
            }));

            await using var strict = RedisClient.Create(
                new RedisOptions { Endpoints = [new RedisEndpoint("127.0.0.1", port)], Tls = new SslClientAuthenticationOptions(), TimeLimit = TimeSpan.FromMilliseconds(300) });
            (await Should.ThrowAsync<RedisException>(async () => await strict.PingAsync(Cancellation))).Kind.ShouldBe(RedisErrorKind.NotSent);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_start_that_demands_Redis_fails_with_the_reason()
    {
        using var patience = new CancellationTokenSource();
        var options = new RedisOptions { Endpoints = [new RedisEndpoint("127.0.0.1", RedisServerProcess.FreePort())] };
        var connecting = RedisClient.ConnectAsync(options, patience.Token);
        patience.CancelAfter(TimeSpan.FromMilliseconds(300));
        (await Should.ThrowAsync<RedisException>(connecting)).Kind.ShouldBe(RedisErrorKind.NotSent);
    }

    [Fact]
    public async Task A_killed_server_that_comes_back_is_used_again_without_being_told()
    {
        await using var server = await RedisServerProcess.StartAsync();
        await using var redis = RedisClient.Create(new RedisOptions { Endpoints = [new RedisEndpoint("127.0.0.1", server.Port)], TimeLimit = TimeSpan.FromSeconds(20), OutagePatience = TimeSpan.FromSeconds(20) });
        await redis.SetAsync("k", 1, null, Cancellation);
        server.Kill();
        var waiting = redis.PingAsync(Cancellation).AsTask();
        await server.RestartAsync();
        try
        {
            await waiting;
        }
        catch (RedisException failure)
        {
            failure.Kind.ShouldBe(RedisErrorKind.MayHaveRun, "it was either on the dead connection or waited for the next");
        }

        (await redis.ExistsAsync("k", Cancellation)).ShouldBeFalse();
        var status = redis.Servers().ShouldHaveSingleItem();
        status.ConnectionsOpen.ShouldBeGreaterThan(0);
        status.Breaks.ShouldBeGreaterThan(0);
        status.InFlight.ShouldBe(0);
    }

    [Theory]
    [InlineData("redis://localhost", "redis://localhost:6379/0")]
    [InlineData("redis://10.0.0.1:7000/3", "redis://10.0.0.1:7000/3")]
    [InlineData("rediss://ann:p%40ss@cache.example:6380", "rediss://ann:***@cache.example:6380/0")]
    [InlineData("redis://:secret@[::1]:6379", "redis://:***@::1:6379/0")]
    [InlineData("unix:///run/redis/redis.sock", "redis://unix:/run/redis/redis.sock/0")]
    [InlineData("redis://a:1,b:2?cluster=true", "redis://a:1,b:2/0")]
    public void Addresses_are_read_and_shown_without_their_password(string address, string shown) => RedisOptions.Parse(address).ToString().ShouldBe(shown);

    [Fact]
    public void All_mistakes_in_options_are_told_at_once()
    {
        var mistakes = new RedisOptions { Endpoints = [], Database = -1, InFlightMax = 100, ConnectionsPerNode = 0, TrackReads = true, OnlyResp2 = true }.Validate();
        mistakes.Count.ShouldBeGreaterThanOrEqualTo(5);
        Should.Throw<ArgumentException>(() => RedisClient.Create(new RedisOptions { Database = -1 })).Message.ShouldContain("Database");
    }

    private static X509Certificate2 MakeCertificate()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return request.CreateSelfSigned(DateTimeOffset.UnixEpoch.AddYears(50), DateTimeOffset.UnixEpoch.AddYears(100));
    }
}
