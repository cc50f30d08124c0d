using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using SkyRiff.Http;
using SkyRiff.Payments;
using Xunit;

namespace SkyRiff.Services.Tests.Payments;

public sealed class PaymentsOptionsTests
{
    [Fact]
    public void Without_configuration_the_defaults_are_in_force_and_the_sandbox_is_off()
    {
        var options = Read();
        options.StarterCredits.ShouldBe(200);
        options.Sandbox.Enabled.ShouldBeFalse();
        options.CanCheckOut.ShouldBeFalse();
        options.PacksForSale.Count.ShouldBe(4);
    }

    [Fact]
    public void Configured_packs_replace_the_built_in_ones() =>
        Read(("CreditPacks:0:Id", "one"), ("CreditPacks:0:Name", "One"), ("CreditPacks:0:Credits", "7"), ("CreditPacks:0:PriceAmount", "70"), ("CreditPacks:0:PriceCurrency", "EUR"))
            .PacksForSale.ShouldHaveSingleItem().PriceCurrency.ShouldBe("EUR");

    [Fact]
    public void An_unknown_key_is_fatal() => Mistakes(("StartCredits", "5")).ShouldHaveSingleItem().ShouldContain("StartCredits");

    [Theory]
    [InlineData("StarterCredits", "-1")]
    [InlineData("StarterCredits", "1000001")]
    [InlineData("PublicBaseUrl", "localhost:5080")]
    [InlineData("PublicBaseUrl", "https://skyriff.example/app")]
    [InlineData("PublicBaseUrl", "https://user:password@skyriff.example")]
    [InlineData("WebhookTolerance", "00:00:30")]
    [InlineData("WebhookTolerance", "02:00:00")]
    [InlineData("CheckoutProvider", "acme")]
    [InlineData("Sandbox:WebhookBaseUrl", "127.0.0.1")]
    [InlineData("Sandbox:Secret", "secret")]
    [InlineData("Sandbox:CompletionWait", "00:01:00")]
    [InlineData("Providers:acme:Secrets:0", "whsec_short")]
    [InlineData("Providers:acme:CheckoutUrl", "https://acme.example")]
    [InlineData("Providers:sandbox:Secrets:0", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("CreditPacks:0:Id", "Big Pack")]
    [InlineData("Plans:0:Id", "gold")]
    public void A_value_out_of_its_range_is_fatal(string key, string value) =>
        Mistakes((key, value)).ShouldContain(mistake => mistake.Contains("Payments:" + key.Split(':')[0]));

    [Fact]
    public void All_mistakes_are_told_at_once() =>
        Mistakes(("StarterCredits", "-1"), ("PublicBaseUrl", "x"), ("WebhookTolerance", "00:00:01")).Count.ShouldBe(3);

    private static PaymentsOptions Read(params (string Key, string Value)[] settings)
    {
        var services = new ServiceCollection();
        var options = Bind(services, settings);
        OptionsMistakes.Of(services).All.ShouldBeEmpty();
        return options;
    }

    private static IReadOnlyList<string> Mistakes(params (string Key, string Value)[] settings)
    {
        var services = new ServiceCollection();
        Bind(services, settings);
        return OptionsMistakes.Of(services).All;
    }

    private static PaymentsOptions Bind(ServiceCollection services, (string Key, string Value)[] settings) => services.AddOptionsOf<PaymentsOptions>(
        new ConfigurationBuilder().AddInMemoryCollection(settings.Select(pair => KeyValuePair.Create("Payments:" + pair.Key, (string?)pair.Value))).Build(),
        PaymentsOptions.Section,
        payments => payments.Validate());
}
