using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Shouldly;
using SkyRiff.Gateway.Decisions;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.Decisions;

public sealed class JwtVerifierTests
{
    private const long Now = 1_800_000_000;
    internal const string Header = """{"alg":"ES256","kid":"k1","typ":"at+jwt"}""";
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly JwtVerifier _verifier = new("https://issuer", "gateway", TimeSpan.FromSeconds(30), 100);

    public JwtVerifierTests() => _verifier.Keys = KeysOf("k1", _key);

    [Fact]
    public void A_good_token_names_its_user_and_is_remembered()
    {
        var token = Sign(Header, Claims());
        Verify(token, Now).ShouldBe(TokenVerdict.Valid);
        _verifier.Verify(token, Now, out var identity);
        Encoding.ASCII.GetString(identity!.User).ShouldBe("42");
        _verifier.Cached.ShouldBe(1);
    }

    [Fact]
    public void A_remembered_token_expires_and_can_be_revoked()
    {
        var token = Sign(Header, Claims());
        Verify(token, Now).ShouldBe(TokenVerdict.Valid);
        Verify(token, Now + 931).ShouldBe(TokenVerdict.Expired);
        Verify(token, Now).ShouldBe(TokenVerdict.Valid);
        _verifier.Revocations.RevokeUser("42"u8, Now);
        Verify(token, Now).ShouldBe(TokenVerdict.Revoked);
        Verify(Sign(Header, Claims(issued: Now + 5)), Now + 5).ShouldBe(TokenVerdict.Valid);
    }

    [Fact]
    public void A_session_is_revoked_without_the_others_of_its_user()
    {
        var (phone, laptop) = (Sign(Header, Claims(session: "7")), Sign(Header, Claims(session: "8")));
        _verifier.Revocations.RevokeSession("7"u8, Now);
        Verify(phone, Now).ShouldBe(TokenVerdict.Revoked);
        Verify(Sign(Header, Claims(issued: Now + 5, session: "7")), Now + 5).ShouldBe(TokenVerdict.Revoked);
        Verify(laptop, Now).ShouldBe(TokenVerdict.Valid);
        Verify(Sign(Header, Claims()), Now).ShouldBe(TokenVerdict.Valid);
    }

    [Fact]
    public void Revocations_are_bounded_and_the_oldest_go_first()
    {
        var revocations = new Revocations(entriesMax: 100);
        for (var i = 0; i < 1000; i++) revocations.RevokeUser(Encoding.ASCII.GetBytes($"u{i}"), Now + i);
        revocations.Count.ShouldBeInRange(1, 100);
        revocations.IsRevoked(new Identity("u999"u8.ToArray(), Now + 2000, Now + 999)).ShouldBeTrue();
        revocations.IsRevoked(new Identity("u0"u8.ToArray(), Now + 2000, Now)).ShouldBeFalse();

        revocations.RevokeUser("late"u8, Now - 1000);
        revocations.Count.ShouldBeInRange(1, 100);

        // All of one moment: something has to go all the same.
        for (var i = 0; i < 1000; i++) revocations.RevokeSession(Encoding.ASCII.GetBytes($"s{i}"), Now + 1000);
        revocations.Count.ShouldBeInRange(1, 100);
        revocations.RevokeUser("u999"u8, Now + 1000);
        revocations.RevokeUser("u999"u8, Now);
        revocations.IsRevoked(new Identity("u999"u8.ToArray(), Now + 2000, Now + 1000)).ShouldBeTrue("a moment that was told late takes nothing back");
    }

    [Fact]
    public void A_withdrawn_key_takes_its_tokens_with_it()
    {
        var token = Sign(Header, Claims());
        Verify(token, Now).ShouldBe(TokenVerdict.Valid);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _verifier.Keys = KeysOf("k2", other);
        Verify(token, Now).ShouldBe(TokenVerdict.UnknownKey);
        _verifier.UnknownKeys.ShouldBe(1);
    }

    [Fact]
    public void Whatever_is_changed_in_a_token_makes_it_no_token()
    {
        var token = Sign(Header, Claims());
        for (var i = 0; i < token.Length; i++)
        {
            var changed = token.ToArray();
            changed[i] = changed[i] == (byte)'A' ? (byte)'B' : (byte)'A';
            // The last letter of a part may carry bits that mean nothing; the decoder refuses those that are set.
            Verify(changed, Now).ShouldNotBe(TokenVerdict.Valid, $"byte {i}");
            Verify(token[..i], Now).ShouldNotBe(TokenVerdict.Valid, $"cut at {i}");
        }
    }

    [Theory]
    [InlineData("""{"alg":"none","kid":"k1"}""")]
    [InlineData("""{"alg":"HS256","kid":"k1"}""")]
    [InlineData("""{"alg":"es256","kid":"k1"}""")]
    [InlineData("""{"kid":"k1"}""")]
    [InlineData("""{"alg":"ES256"}""")]
    [InlineData("""{"alg":"ES256","kid":1}""")]
    [InlineData("""{"alg":"ES256","kid":"k1","crit":["b64"],"b64":false}""")]
    [InlineData("""{"alg":"ES256","kid":"k1","typ":"refresh"}""")]
    [InlineData("""{"alg":"none","alg":"ES256","kid":"k1"}""")]
    [InlineData("""{"alg":"ES256","alg":"ES256","kid":"k1"}""")]
    [InlineData("""{"alg":"ES256","kid":"../../k1"}""")]
    [InlineData("""["ES256"]""")]
    [InlineData("""{"alg":"ES256","kid":"k1"} x""")]
    [InlineData("not json")]
    public void A_header_that_says_anything_else_is_refused(string header) =>
        Verify(Sign(header, Claims()), Now).ShouldBeOneOf(TokenVerdict.Malformed, TokenVerdict.UnknownKey);

    [Theory]
    [InlineData("""{"sub":"42","iss":"https://issuer","aud":"other","exp":1800000900}""", nameof(TokenVerdict.WrongIssuer))]
    [InlineData("""{"sub":"42","iss":"https://evil","aud":"gateway","exp":1800000900}""", nameof(TokenVerdict.WrongIssuer))]
    [InlineData("""{"sub":"42","iss":"https://issuer","exp":1800000900}""", nameof(TokenVerdict.WrongIssuer))]
    [InlineData("""{"sub":"42","iss":"https://issuer","aud":"gateway"}""", nameof(TokenVerdict.Malformed))]
    [InlineData("""{"iss":"https://issuer","aud":"gateway","exp":1800000900}""", nameof(TokenVerdict.Malformed))]
    [InlineData("""{"sub":"","iss":"https://issuer","aud":"gateway","exp":1800000900}""", nameof(TokenVerdict.Malformed))]
    [InlineData("""{"sub":"42","sid":7,"iss":"https://issuer","aud":"gateway","exp":1800000900}""", nameof(TokenVerdict.Malformed))]
    [InlineData("""{"sub":"42","sid":"7","sid":"8","iss":"https://issuer","aud":"gateway","exp":1800000900}""", nameof(TokenVerdict.Malformed))]
    [InlineData("""{"sub":"4\r\nX: 1","iss":"https://issuer","aud":"gateway","exp":1800000900}""", nameof(TokenVerdict.Malformed))]
    [InlineData("""{"sub":"1","sub":"42","iss":"https://issuer","aud":"gateway","exp":1800000900}""", nameof(TokenVerdict.Malformed))]
    [InlineData("""{"sub":"42","iss":"https://issuer","aud":"gateway","exp":"1800000900"}""", nameof(TokenVerdict.Malformed))]
    [InlineData("""{"sub":"42","iss":"https://issuer","aud":"gateway","exp":1799999969}""", nameof(TokenVerdict.Expired))]
    [InlineData("""{"sub":"42","iss":"https://issuer","aud":"gateway","exp":1800000900,"nbf":1800000031}""", nameof(TokenVerdict.NotYetValid))]
    [InlineData("""{"sub":"42","iss":"https://issuer","aud":["x","gateway"],"exp":1800000900}""", nameof(TokenVerdict.Valid))]
    public void Claims_are_demanded(string claims, string expected) => Verify(Sign(Header, claims), Now).ToString().ShouldBe(expected);

    [Fact]
    public void The_cache_is_bounded()
    {
        for (var i = 0; i < 400; i++) Verify(Sign(Header, Claims(user: $"u{i}")), Now).ShouldBe(TokenVerdict.Valid);
        _verifier.Cached.ShouldBeLessThanOrEqualTo(100);
    }

    internal static string Claims(string user = "42", long issued = Now, string? session = null) =>
        $$"""{"sub":"{{user}}",{{(session is null ? "" : $"\"sid\":\"{session}\",")}}"iss":"https://issuer","aud":"gateway","exp":{{issued + 900}},"iat":{{issued}}}""";

    internal static JsonWebKeys KeysOf(string id, ECDsa key)
    {
        var q = key.ExportParameters(false).Q;
        return JsonWebKeys.TryParse($$"""{"keys":[{"kty":"RSA","kid":"r"},{"kty":"EC","crv":"P-256","kid":"{{id}}","x":"{{Base64Url.EncodeToString(q.X)}}","y":"{{Base64Url.EncodeToString(q.Y)}}"}]}""")!;
    }

    internal static byte[] Sign(ECDsa key, string header, string claims)
    {
        var signed = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header)) + "." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims));
        return Encoding.ASCII.GetBytes(signed + "." + Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256)));
    }

    private byte[] Sign(string header, string claims) => Sign(_key, header, claims);

    private TokenVerdict Verify(byte[] token, long now) => _verifier.Verify(token, now, out _);
}
