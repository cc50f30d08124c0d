using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Http.Webhooks;
using SkyRiff.Kernel;
using Xunit;

namespace SkyRiff.Services.Tests.Payments;

public sealed class StandardWebhookTests
{
    // The vector that the specification's reference libraries share.
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    private const string Timestamp = "1614265330";
    private const string Body = """{"test": 2432232314}""";
    private const string Signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    private const string OtherSecret = "whsec_cGF5bWVudHMtdGVzdHMtc2VjcmV0LW51bWJlci10d28=";

    private static readonly DateTimeOffset Then = DateTimeOffset.FromUnixTimeSeconds(1614265330);
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    [Fact]
    public void The_published_vector_is_signed_and_verified()
    {
        StandardWebhook.Sign(WebhookSecret.Parse(Secret), Id, Then, Encoding.UTF8.GetBytes(Body)).ShouldBe(Signature);
        StandardWebhook.Stamp(Then).ShouldBe(Timestamp);
        Accepts().ShouldBeTrue();
    }

    [Theory]
    [InlineData(Signature + " v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= " + Signature)]
    [InlineData("v1a,bm90IG91cnM= " + Signature)]
    [InlineData("v2,g0hM9SsE " + Signature + " nonsense")]
    public void One_good_signature_among_several_is_enough(string signatures) => Accepts(signatures: signatures).ShouldBeTrue();

    [Fact]
    public void While_a_secret_is_replaced_either_will_do()
    {
        StandardWebhook.Verify([WebhookSecret.Parse(OtherSecret), WebhookSecret.Parse(Secret)], Id, Timestamp, Signature, Encoding.UTF8.GetBytes(Body), Then, Tolerance).ShouldBeNull();
        StandardWebhook.Verify([WebhookSecret.Parse(OtherSecret)], Id, Timestamp, Signature, Encoding.UTF8.GetBytes(Body), Then, Tolerance).ShouldNotBeNull();
        StandardWebhook.Verify([], Id, Timestamp, Signature, Encoding.UTF8.GetBytes(Body), Then, Tolerance).ShouldNotBeNull();
    }

    [Theory]
    [InlineData("msg_p5jXN8AQM9LWM0D4loKWxJeK", Timestamp, Signature, Body)]
    [InlineData(Id, "1614265331", Signature, Body)]
    [InlineData(Id, Timestamp, Signature, """{"test": 2432232315}""")]
    [InlineData(Id, Timestamp, Signature, """{"test":2432232314}""")]
    [InlineData(Id, Timestamp, Signature, "")]
    [InlineData(null, Timestamp, Signature, Body)]
    [InlineData("", Timestamp, Signature, Body)]
    [InlineData("a.b", Timestamp, Signature, Body)]
    [InlineData("a b", Timestamp, Signature, Body)]
    [InlineData(Id, null, Signature, Body)]
    [InlineData(Id, "-1614265330", Signature, Body)]
    [InlineData(Id, "1614265330.0", Signature, Body)]
    [InlineData(Id, "99999999999999999999", Signature, Body)]
    [InlineData(Id, "9223372036854775807", Signature, Body)]
    [InlineData(Id, Timestamp, null, Body)]
    [InlineData(Id, Timestamp, "", Body)]
    [InlineData(Id, Timestamp, "v1,", Body)]
    [InlineData(Id, Timestamp, "v1", Body)]
    [InlineData(Id, Timestamp, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", Body)]
    [InlineData(Id, Timestamp, "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", Body)]
    [InlineData(Id, Timestamp, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1A==", Body)]
    [InlineData(Id, Timestamp, "v1,G0HM9SSE+OTPJTGT/TMIKTSYZLE3UFJELVLNIOLJ1OE=", Body)]
    public void Anything_else_than_what_was_signed_is_refused(string? id, string? timestamp, string? signatures, string body) =>
        StandardWebhook.Verify([WebhookSecret.Parse(Secret)], id, timestamp, signatures, Encoding.UTF8.GetBytes(body), Then, Tolerance).ShouldNotBeNull();

    [Fact]
    public void Every_flipped_bit_of_the_body_is_noticed()
    {
        var body = Encoding.UTF8.GetBytes(Body);
        for (var bit = 0; bit < body.Length * 8; bit++)
        {
            var changed = body.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            StandardWebhook.Verify([WebhookSecret.Parse(Secret)], Id, Timestamp, Signature, changed, Then, Tolerance).ShouldNotBeNull();
        }
    }

    [Theory]
    [InlineData(-300, true)]
    [InlineData(300, true)]
    [InlineData(-301, false)]
    [InlineData(301, false)]
    [InlineData(int.MaxValue, false)]
    public void A_delivery_is_good_for_five_minutes_around_its_time(long secondsLater, bool accepted) => Accepts(now: Then.AddSeconds(secondsLater)).ShouldBe(accepted);

    [Theory]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("whsec_")]
    [InlineData("whsec_AAAA")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS*")]
    [InlineData("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    public void A_secret_is_whsec_and_the_base64_of_24_to_64_bytes(string text) => WebhookSecret.TryParse(text, out _).ShouldBeFalse();

    [Fact]
    public void A_secret_does_not_tell_itself() => WebhookSecret.Parse(Secret).ToString().ShouldBe("whsec_...");

    [Fact]
    public void What_we_sign_we_accept_and_nobody_elses() => Prop.ForAll(Gen.ArrayOf(ArbMap.Default.GeneratorFor<byte>()).ToArbitrary(), body =>
    {
        var (ours, theirs) = (WebhookSecret.Make(Entropy.Seeded(1)), WebhookSecret.Make(Entropy.Seeded(2)));
        var signature = StandardWebhook.Sign(ours, "id", Then, body);
        return StandardWebhook.Verify([ours], "id", Timestamp, signature, body, Then, Tolerance) is null
            && StandardWebhook.Verify([theirs], "id", Timestamp, signature, body, Then, Tolerance) is not null;
    }).QuickCheckThrowOnFailure();

    private static bool Accepts(string signatures = Signature, DateTimeOffset? now = null) =>
        StandardWebhook.Verify([WebhookSecret.Parse(Secret)], Id, Timestamp, signatures, Encoding.UTF8.GetBytes(Body), now ?? Then, Tolerance) is null;
}
