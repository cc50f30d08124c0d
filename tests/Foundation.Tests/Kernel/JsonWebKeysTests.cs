using System.Text;
using System.Text.Json;
using Shouldly;
using SkyRiff.Kernel.Tokens;
using Xunit;

namespace SkyRiff.Foundation.Tests.Kernel;

public sealed class JsonWebKeysTests
{
    private const string X = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"; // RFC 7515, appendix A.3
    private const string Y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    [Fact]
    public void Only_signature_keys_of_our_kind_are_kept()
    {
        JsonWebKeys.Parse(Encoding.UTF8.GetBytes($$"""
            {"keys":[
              {"kty":"EC","crv":"P-256","kid":"good","x":"{{X}}","y":"{{Y}}"},
              {"kty":"EC","crv":"P-384","kid":"curve","x":"{{X}}","y":"{{Y}}"},
              {"kty":"RSA","kid":"rsa","n":"AQAB","e":"AQAB"},
              {"kty":"EC","crv":"P-256","kid":"enc","use":"enc","x":"{{X}}","y":"{{Y}}"},
              {"kty":"EC","crv":"P-256","kid":"alg","alg":"ES384","x":"{{X}}","y":"{{Y}}"},
              {"kty":"EC","crv":"P-256","x":"{{X}}","y":"{{Y}}"},
              {"kty":"EC","crv":"P-256","kid":"short","x":"AAAA","y":"{{Y}}"},
              {"kty":"EC","crv":"P-256","kid":"padded","x":"{{X}}=","y":"{{Y}}"},
              "text", 7, null]}
            """)).Count.ShouldBe(1);
    }

    [Fact]
    public void What_it_writes_it_reads_again_without_a_private_half()
    {
        using var forge = new TokenForge();
        var json = forge.Published.ToJson();
        Encoding.UTF8.GetString(json).ShouldNotContain("\"d\"");
        new AccessTokenVerifier(TokenForge.Terms).Verify(forge.Token(), TokenForge.Now, JsonWebKeys.Parse(json), out _).ShouldNotBeNull();
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"keys":{}}""")]
    [InlineData("nothing")]
    public void What_is_no_key_set_is_refused(string json) => Should.Throw<JsonException>(() => JsonWebKeys.Parse(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void A_point_off_the_curve_is_no_key()
    {
        var broken = Encoding.UTF8.GetBytes($$"""{"keys":[{"kty":"EC","crv":"P-256","kid":"off","x":"{{X}}","y":"{{X}}"}]}""");
        JsonWebKeys.Parse(broken).Count.ShouldBe(0);
    }
}
