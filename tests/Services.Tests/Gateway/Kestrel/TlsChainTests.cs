using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Kestrel;
using SkyRiff.Gateway.Running;
using SkyRiff.Kernel;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Kestrel;

/// <summary>A client that knows the root only can trust the listener when it is sent who stands between: the whole chain that is in the PEM file.</summary>
public sealed class TlsChainTests : IDisposable
{
    private static readonly DateTimeOffset Begin = TimeProvider.System.GetUtcNow().AddDays(-1);

    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-chain-").FullName;
    private readonly X509Certificate2 _root;
    private readonly X509Certificate2 _intermediate;
    private readonly X509Certificate2 _leaf;

    public TlsChainTests()
    {
        _root = Signed("CN=Test root", null, isAuthority: true);
        _intermediate = Signed("CN=Test intermediate", _root, isAuthority: true);
        _leaf = Signed("CN=gateway.test", _intermediate, isAuthority: false);
        File.WriteAllText(Path.Combine(_folder, "key.pem"), _leaf.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("1.2")]
    [InlineData("1.3")]
    public async Task A_client_that_knows_the_root_only_is_sent_the_whole_chain(string version)
    {
        var (sent, isTrusted) = await ShakeHandsAsync(version, _leaf, _intermediate);
        isTrusted.ShouldBeTrue();
        sent.ShouldContain(_intermediate.Thumbprint);
        sent.ShouldNotContain(_root.Thumbprint, "the root is the client's own");
    }

    [Fact]
    public async Task Without_the_intermediate_in_the_file_it_cannot_trust_the_listener()
    {
        var (sent, isTrusted) = await ShakeHandsAsync("1.3", _leaf);
        isTrusted.ShouldBeFalse();
        sent.ShouldBeEmpty();
    }

    public void Dispose()
    {
        foreach (var certificate in (X509Certificate2[])[_root, _intermediate, _leaf]) certificate.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<(List<string> Sent, bool IsTrusted)> ShakeHandsAsync(string version, params X509Certificate2[] file)
    {
        var listen = new ListenConfig(new(IPAddress.Loopback, 0)) { IsLean = false, Certificate = Path.Combine(_folder, "cert.pem"), Key = Path.Combine(_folder, "key.pem") };
        await File.WriteAllTextAsync(listen.Certificate, string.Join('\n', file.Select(c => c.ExportCertificatePem())), Token);
        var edge = new EdgeConfig { Clusters = [new ClusterConfig("c")], Routes = [new RouteConfig("r") { Cluster = "c" }] };
        await using var runtime = new EdgeRuntime(edge, TimeProvider.System, Entropy.Seeded(1), NullLoggerFactory.Instance);
        await using var front = await KestrelFront.StartAsync(listen, runtime, null, TimeProvider.System, Token);

        var sent = new List<string>();
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.Add(_root);
        using var client = new TcpClient();
        await client.ConnectAsync(front.EndPoint, Token);
        await using var tls = new SslStream(client.GetStream());
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "gateway.test",
            EnabledSslProtocols = version == "1.2" ? SslProtocols.Tls12 : SslProtocols.Tls13,
            CertificateChainPolicy = policy,
            RemoteCertificateValidationCallback = (_, leaf, chain, errors) =>
            {
                sent.AddRange(chain!.ChainPolicy.ExtraStore.Select(c => c.Thumbprint).Where(t => t != ((X509Certificate2)leaf!).Thumbprint));
                return errors == SslPolicyErrors.None;
            },
        };
        try
        {
            await tls.AuthenticateAsClientAsync(options, Token);
            return (sent, true);
        }
        catch (AuthenticationException)
        {
            return (sent, false);
        }
    }

    private static X509Certificate2 Signed(string name, X509Certificate2? issuer, bool isAuthority)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        if (!isAuthority)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(name["CN=".Length..]);
            request.CertificateExtensions.Add(names.Build());
        }
        if (issuer is null) return request.CreateSelfSigned(Begin, Begin.AddDays(10));
        using var signed = request.Create(issuer, Begin, Begin.AddDays(isAuthority ? 9 : 8), [1, (byte)name.Length]);
        return signed.CopyWithPrivateKey(key);
    }
}
