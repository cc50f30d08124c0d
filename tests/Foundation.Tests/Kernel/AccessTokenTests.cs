using System.Buffers.Text;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Kernel.Tokens;
using Xunit;

namespace SkyRiff.Foundation.Tests.Kernel;

/// <summary>What RFC 8725 warns of, each tried against the verifier.</summary>
public sealed class AccessTokenTests : IDisposable
{
    private readonly TokenForge _forge = new();

    public void Dispose() => _forge.Dispose();

    [Fact]
    public void A_token_of_ours_says_what_was_signed()
    {
        using var signer = new AccessTokenSigner(TokenForge.KeyId, ECDsa.Create(_forge.Key.ExportParameters(includePrivateParameters: true)), TokenForge.Terms);
        var claims = new AccessToken(42, 43, ["admin"], TokenForge.Now, TokenForge.Now + TokenTerms.Lifetime);

        var proven = _forge.Verify(signer.Sign(claims, "id"), out var fault).ShouldNotBeNull();

        fault.ShouldBe(TokenFault.None);
        (proven.Subject, proven.Session, proven.IssuedAt, proven.ExpiresAt).ShouldBe((42, 43, claims.IssuedAt, claims.ExpiresAt));
        proven.Roles.ShouldBe(["admin"]);
    }

    [Theory]
    [InlineData("""{"alg":"none","typ":"at+jwt","kid":"key-1"}""", TokenFault.Algorithm)]
    [InlineData("""{"alg":"None","typ":"at+jwt","kid":"key-1"}""", TokenFault.Algorithm)]
    [InlineData("""{"alg":"HS256","typ":"at+jwt","kid":"key-1"}""", TokenFault.Algorithm)]
    [InlineData("""{"alg":"RS256","typ":"at+jwt","kid":"key-1"}""", TokenFault.Algorithm)]
    [InlineData("""{"alg":"ES384","typ":"at+jwt","kid":"key-1"}""", TokenFault.Algorithm)]
    [InlineData("""{"alg":"es256","typ":"at+jwt","kid":"key-1"}""", TokenFault.Algorithm)]
    [InlineData("""{"alg":["ES256"],"typ":"at+jwt","kid":"key-1"}""", TokenFault.Algorithm)]
    [InlineData("""{"typ":"at+jwt","kid":"key-1"}""", TokenFault.Algorithm)]
    [InlineData("""{"alg":"ES256","kid":"key-1"}""", TokenFault.Type)]
    [InlineData("""{"alg":"ES256","typ":"JWT","kid":"key-1"}""", TokenFault.Type)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt"}""", TokenFault.UnknownKey)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt","kid":"key-2"}""", TokenFault.UnknownKey)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt","kid":"../../../../dev/null"}""", TokenFault.UnknownKey)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt","kid":"key-1' OR '1'='1"}""", TokenFault.UnknownKey)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt","kid":"key-1\u0000"}""", TokenFault.UnknownKey)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt","kid":7}""", TokenFault.UnknownKey)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt","kid":"key-1","crit":["exp"]}""", TokenFault.Malformed)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt","kid":"key-1","jku":"https://evil.example/keys"}""", TokenFault.Malformed)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt","kid":"key-1","jwk":{"kty":"EC"}}""", TokenFault.Malformed)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt","kid":"key-1","x5u":"https://evil.example/cert"}""", TokenFault.Malformed)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt","kid":"key-1","x5c":[]}""", TokenFault.Malformed)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt","kid":"key-1","b64":false}""", TokenFault.Malformed)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt","kid":"key-1","zip":"DEF"}""", TokenFault.Malformed)]
    [InlineData("""{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"key-1"}""", TokenFault.Malformed)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt","kid":"\ud800"}""", TokenFault.Malformed)]
    [InlineData("""{"alg":"ES256","typ":"at+jwt","kid":{"a":{"b":{"c":{"d":1}}}}}""", TokenFault.Malformed)]
    [InlineData("""["alg","ES256"]""", TokenFault.Malformed)]
    [InlineData("null", TokenFault.Malformed)]
    [InlineData("{", TokenFault.Malformed)]
    public void A_header_is_refused_though_well_signed(string header, TokenFault why)
    {
        _forge.Verify(_forge.Token(header: header), out var fault).ShouldBeNull();
        fault.ShouldBe(why);
    }

    [Theory]
    [InlineData("iss", "\"somebody\"", TokenFault.Issuer)]
    [InlineData("iss", "null", TokenFault.Issuer)]
    [InlineData("iss", "[\"skyriff\"]", TokenFault.Issuer)]
    [InlineData("aud", "\"skyriff-web\"", TokenFault.Audience)]
    [InlineData("aud", "[]", TokenFault.Audience)]
    [InlineData("aud", "[\"other\",7]", TokenFault.Audience)]
    [InlineData("aud", "null", TokenFault.Audience)]
    [InlineData("sub", "42", TokenFault.Malformed)]
    [InlineData("sub", "\"\"", TokenFault.Malformed)]
    [InlineData("sub", "\"-1\"", TokenFault.Malformed)]
    [InlineData("sub", "\"0\"", TokenFault.Malformed)]
    [InlineData("sub", "\"99999999999999999999\"", TokenFault.Malformed)]
    [InlineData("sid", "null", TokenFault.Malformed)]
    [InlineData("exp", "\"9999999999\"", TokenFault.Malformed)]
    [InlineData("exp", "-1", TokenFault.Malformed)]
    [InlineData("exp", "1e40", TokenFault.Malformed)]
    [InlineData("exp", "1763640000.5", TokenFault.Malformed)]
    [InlineData("exp", "9999999999999", TokenFault.Malformed)]
    [InlineData("exp", "null", TokenFault.Malformed)]
    [InlineData("iat", "null", TokenFault.Malformed)]
    [InlineData("more", ",\"nbf\":\"soon\"", TokenFault.Malformed)]
    [InlineData("more", ",\"roles\":\"admin\"", TokenFault.Malformed)]
    [InlineData("more", ",\"roles\":[1]", TokenFault.Malformed)]
    [InlineData("more", ",\"roles\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]", TokenFault.Malformed)]
    [InlineData("more", ",\"sub\":\"1\"", TokenFault.Malformed)]
    [InlineData("more", ",\"exp\":99999999999", TokenFault.Malformed)]
    [InlineData("more", ",\"x\":{\"a\":{\"b\":{\"c\":{\"d\":1}}}}", TokenFault.Malformed)]
    public void A_claim_is_refused_though_well_signed(string name, string value, TokenFault why)
    {
        var claims = name switch
        {
            "iss" => TokenForge.Claims(iss: value),
            "aud" => TokenForge.Claims(aud: value),
            "sub" => TokenForge.Claims(sub: value),
            "sid" => TokenForge.Claims(sid: value),
            "exp" => TokenForge.Claims(exp: value),
            "iat" => TokenForge.Claims(iat: value),
            _ => TokenForge.Claims(more: value),
        };
        _forge.Verify(_forge.Token(claims: claims), out var fault).ShouldBeNull();
        fault.ShouldBe(why);
    }

    [Fact]
    public void A_missing_member_is_refused_whichever_it_is()
    {
        foreach (var name in new[] { "iss", "aud", "sub", "sid", "iat", "exp" })
        {
            var claims = TokenForge.Claims().Replace($"\"{name}\":", $"\"not-{name}\":", StringComparison.Ordinal);
            _forge.Verify(_forge.Token(claims: claims), out _).ShouldBeNull(name);
        }
    }

    [Theory]
    [InlineData(900, 929, TokenFault.None)]
    [InlineData(900, 930, TokenFault.Expired)]
    [InlineData(900, 100_000, TokenFault.Expired)]
    public void A_token_ends_with_its_expiry_and_a_little_skew(int expires, int at, TokenFault why)
    {
        _forge.Verify(_forge.Token(claims: TokenForge.Claims(exp: TokenForge.Seconds(expires))), out var fault, TokenForge.Now.AddSeconds(at));
        fault.ShouldBe(why);
    }

    [Theory]
    [InlineData("iat", 30, TokenFault.None)]
    [InlineData("iat", 31, TokenFault.NotYetValid)]
    [InlineData("nbf", 30, TokenFault.None)]
    [InlineData("nbf", 31, TokenFault.NotYetValid)]
    public void A_token_from_the_future_waits(string name, int seconds, TokenFault why)
    {
        var claims = name == "iat" ? TokenForge.Claims(iat: TokenForge.Seconds(seconds)) : TokenForge.Claims(more: $",\"nbf\":{TokenForge.Seconds(seconds)}");
        _forge.Verify(_forge.Token(claims: claims), out var fault);
        fault.ShouldBe(why);
    }

    [Fact]
    public void The_end_of_time_is_a_time_like_any_other() => _forge.Verify(_forge.Token(claims: TokenForge.Claims(exp: "253402300799")), out _).ShouldNotBeNull();

    [Fact]
    public void Among_several_audiences_ours_is_enough() => _forge.Verify(_forge.Token(claims: TokenForge.Claims(aud: "[\"other\",\"skyriff-api\"]")), out _).ShouldNotBeNull();

    [Fact]
    public void Another_keys_signature_is_refused()
    {
        using var other = new TokenForge();
        _forge.Verify(other.Token(), out var fault).ShouldBeNull();
        fault.ShouldBe(TokenFault.Signature);
    }

    [Fact]
    public void The_public_key_is_no_hmac_secret()
    {
        var signed = TokenForge.Encode("""{"alg":"HS256","typ":"at+jwt","kid":"key-1"}""") + "." + TokenForge.Encode(TokenForge.Claims());
        var mac = HMACSHA256.HashData(_forge.Published.ToJson(), Encoding.ASCII.GetBytes(signed));
        _forge.Verify(signed + "." + Base64Url.EncodeToString(mac), out var fault).ShouldBeNull();
        fault.ShouldBe(TokenFault.Algorithm);
    }

    [Fact]
    public void Signatures_of_other_forms_are_refused()
    {
        var signed = TokenForge.Encode(TokenForge.Header) + "." + TokenForge.Encode(TokenForge.Claims());
        var der = _forge.Key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        byte[][] bad = [der, new byte[64], new byte[63], new byte[65], [.. Enumerable.Repeat((byte)255, 64)]];
        foreach (var signature in bad)
        {
            _forge.Verify(signed + "." + Base64Url.EncodeToString(signature), out var fault).ShouldBeNull();
            fault.ShouldBe(TokenFault.Signature);
        }
    }

    [Fact]
    public void The_twin_of_a_signature_proves_the_same_claims_and_no_others()
    {
        var token = _forge.Token();
        var signature = Base64Url.DecodeFromChars(token.AsSpan(token.LastIndexOf('.') + 1));
        var order = BigInteger.Parse("0FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", System.Globalization.NumberStyles.HexNumber);
        var s = order - new BigInteger(signature.AsSpan(32), isUnsigned: true, isBigEndian: true);
        var bytes = s.ToByteArray(isUnsigned: true, isBigEndian: true);
        byte[] twin = [.. signature[..32], .. new byte[32 - bytes.Length], .. bytes];

        var other = token[..(token.LastIndexOf('.') + 1)] + Base64Url.EncodeToString(twin);

        other.ShouldNotBe(token);
        _forge.Verify(other, out _).ShouldBeEquivalentTo(_forge.Verify(token, out _));
    }

    [Fact]
    public void Any_other_spelling_of_the_same_bytes_is_refused()
    {
        var parts = _forge.Token().Split('.');
        for (var i = 0; i < 3; i++)
        {
            foreach (var other in Respellings(parts[i]))
            {
                string[] changed = [.. parts];
                changed[i] = other;
                // A respelled head or body is signed anew, so that only the spelling is wrong.
                var token = i < 2 ? _forge.Signed(changed[0] + "." + changed[1]) : string.Join('.', changed);
                _forge.Verify(token, out var fault).ShouldBeNull(other);
                fault.ShouldBe(TokenFault.Malformed);
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("...")]
    [InlineData("a.b")]
    [InlineData("a.b.c.d")]
    [InlineData("é.é.é")]
    [InlineData("e30.e30.")]
    [InlineData(".e30.e30")]
    public void What_is_not_three_parts_is_no_token(string token) => _forge.Verify(token, out _).ShouldBeNull();

    [Fact]
    public void A_huge_token_is_not_read()
    {
        var huge = _forge.Token(claims: TokenForge.Claims(more: $",\"pad\":\"{new string('x', 2000)}\""));
        huge.Length.ShouldBeGreaterThan(AccessTokenVerifier.TokenLengthMax);
        _forge.Verify(huge, out var fault).ShouldBeNull();
        fault.ShouldBe(TokenFault.Malformed);
    }

    [Fact]
    public void No_single_changed_character_survives()
    {
        var token = _forge.Token();
        var verifier = new AccessTokenVerifier(TokenForge.Terms);
        var keys = _forge.Published;
        Prop.ForAll(Gen.Choose(0, token.Length - 1).Two().ToArbitrary(), pair =>
        {
            var (at, pick) = pair;
            var with = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ %"[pick % 70];
            var changed = token[..at] + with + token[(at + 1)..];
            return changed == token || verifier.Verify(changed, TokenForge.Now, keys, out _) is null;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Noise_is_refused_and_never_throws()
    {
        var verifier = new AccessTokenVerifier(TokenForge.Terms);
        var keys = _forge.Published;
        Prop.ForAll(ArbMap.Default.ArbFor<string>(), ArbMap.Default.ArbFor<string>(), (header, claims) =>
        {
            var token = _forge.Token(header ?? "", claims ?? "");
            return verifier.Verify(token, TokenForge.Now, keys, out _) is null && verifier.Verify(header ?? "", TokenForge.Now, keys, out _) is null;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public async Task One_key_proves_and_signs_on_many_threads_at_once()
    {
        using var signer = new AccessTokenSigner(TokenForge.KeyId, ECDsa.Create(_forge.Key.ExportParameters(includePrivateParameters: true)), TokenForge.Terms);
        var verifier = new AccessTokenVerifier(TokenForge.Terms);
        var keys = _forge.Published;
        var results = await Task.WhenAll(Enumerable.Range(1, 8).Select(thread => Task.Run(() => Enumerable.Range(1, 200).All(i =>
        {
            var claims = new AccessToken(thread, i, [], TokenForge.Now, TokenForge.Now.AddMinutes(1));
            return verifier.Verify(signer.Sign(claims, "id"), TokenForge.Now, keys, out _) is { } proven && proven.Subject == thread && proven.Session == i;
        }), CancellationToken.None)));
        results.ShouldAllBe(good => good);
    }

    private static IEnumerable<string> Respellings(string part)
    {
        yield return part + "=";
        yield return part + "==";
        yield return part + "%";
        yield return part + " ";
        yield return " " + part;
        yield return part + "\n";
        yield return part[..4] + "\t" + part[4..];
        // Stray bits: only where the last character has some to spare.
        const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        if (part.Length % 4 != 0) yield return part[..^1] + Alphabet[Alphabet.IndexOf(part[^1], StringComparison.Ordinal) | 1];
    }
}
