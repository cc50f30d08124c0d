using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Shouldly;
using SkyRiff.Kernel.Tokens;
using Xunit;

namespace SkyRiff.Foundation.Tests.Kernel;

/// <summary>Our tokens as the npm package jose sees them, and its as we do.</summary>
public sealed class TokenInteropTests
{
    [Fact]
    public async Task Tokens_of_ours_are_proven_by_jose()
    {
        using var jose = await Jose.StartAsync();
        using var forge = new TokenForge();
        using var signer = new AccessTokenSigner(TokenForge.KeyId, ECDsa.Create(forge.Key.ExportParameters(includePrivateParameters: true)), TokenForge.Terms);
        var token = signer.Sign(new AccessToken(42, 43, ["admin"], TokenForge.Now, TokenForge.Now.AddMinutes(15)), "the-id");

        var answer = await jose.AskAsync(Verification(token, forge.Published));

        answer.ContainsKey("refused").ShouldBeFalse(answer.ToJsonString());
        var payload = answer["payload"]!;
        payload["sub"]!.GetValue<string>().ShouldBe("42");
        payload["sid"]!.GetValue<string>().ShouldBe("43");
        payload["jti"]!.GetValue<string>().ShouldBe("the-id");
        payload["roles"]![0]!.GetValue<string>().ShouldBe("admin");
        (await jose.AskAsync(Verification(token[..^4] + "AAAA", forge.Published))).ContainsKey("refused").ShouldBeTrue("jose looks at signatures");
    }

    [Fact]
    public async Task Tokens_of_joses_are_proven_by_us()
    {
        using var jose = await Jose.StartAsync();
        var seconds = TokenForge.Now.ToUnixTimeSeconds();
        var signed = await jose.AskAsync(new JsonObject
        {
            ["op"] = "sign",
            ["kid"] = "from-jose",
            ["count"] = 20,
            ["claims"] = new JsonObject { ["iss"] = "skyriff", ["aud"] = "skyriff-api", ["sub"] = "42", ["sid"] = "43", ["iat"] = seconds, ["exp"] = seconds + 900, ["roles"] = new JsonArray("admin") },
        });
        var keys = JsonWebKeys.Parse(System.Text.Encoding.UTF8.GetBytes(signed["jwks"]!.ToJsonString()));
        var tokens = signed["tokens"]!.AsArray().Select(token => token!.GetValue<string>()).ToList();

        tokens.Count.ShouldBe(20);
        foreach (var token in tokens)
        {
            var proven = new AccessTokenVerifier(TokenForge.Terms).Verify(token, TokenForge.Now, keys, out var fault);
            fault.ShouldBe(TokenFault.None);
            proven!.Subject.ShouldBe(42);
        }
    }

    private static JsonObject Verification(string token, JsonWebKeys keys) => new()
    {
        ["op"] = "verify",
        ["token"] = token,
        ["jwks"] = JsonNode.Parse(keys.ToJson()),
        ["issuer"] = TokenForge.Terms.Issuer,
        ["audience"] = TokenForge.Terms.Audience,
        ["at"] = TokenForge.Now.ToUnixTimeMilliseconds(),
    };
}
