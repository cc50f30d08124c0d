using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using SkyRiff.Kernel.Tokens;

namespace SkyRiff.Foundation.Tests.Kernel;

/// <summary>Makes tokens of any shape, well signed or not.</summary>
internal sealed class TokenForge : IDisposable
{
    public const string KeyId = "key-1";
    public static readonly TokenTerms Terms = new("skyriff", "skyriff-api");
    public static readonly DateTimeOffset Now = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

    public static readonly string Header = $$"""{"alg":"ES256","typ":"at+jwt","kid":"{{KeyId}}"}""";

    public ECDsa Key { get; } = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public JsonWebKeys Published => JsonWebKeys.Of([KeyValuePair.Create(KeyId, Key.ExportParameters(includePrivateParameters: false))]);

    public static string Claims(string iss = "\"skyriff\"", string aud = "\"skyriff-api\"", string sub = "\"42\"", string sid = "\"43\"", string? iat = null, string? exp = null, string more = "") =>
        $$"""{"iss":{{iss}},"aud":{{aud}},"sub":{{sub}},"sid":{{sid}},"iat":{{iat ?? Seconds(0)}},"exp":{{exp ?? Seconds(900)}}{{more}}}""";

    public static string Seconds(int fromNow) => (Now.ToUnixTimeSeconds() + fromNow).ToString();

    public string Token(string? header = null, string? claims = null) => Signed(Encode(header ?? Header) + "." + Encode(claims ?? Claims()));

    public string Signed(string signingInput) =>
        signingInput + "." + Base64Url.EncodeToString(Key.SignData(Encoding.ASCII.GetBytes(signingInput), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));

    public AccessToken? Verify(string token, out TokenFault fault, DateTimeOffset? now = null) => new AccessTokenVerifier(Terms).Verify(token, now ?? Now, Published, out fault);

    public static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    public void Dispose() => Key.Dispose();
}
