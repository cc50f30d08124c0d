using SkyRiff.Contracts;
using SkyRiff.Http.Webhooks;

namespace SkyRiff.Payments;

/// <summary>The section <c>Payments</c>. Prices are in minor units (cents), credits are whole.</summary>
internal sealed class PaymentsOptions
{
    public const string Section = "Payments";

    /// <summary>Given to each new user, 0 to 1,000,000. Already opened wallets are not touched by a change.</summary>
    public long StarterCredits { get; set; } = 200;

    /// <summary>Where browsers reach the web app; checkout addresses begin with it. Absolute http(s), without a path.</summary>
    public string PublicBaseUrl { get; set; } = "http://localhost:5080";

    /// <summary>What is for sale; none configured means <see cref="DefaultPacks"/>. At most 50.</summary>
    public List<CreditPackOptions> CreditPacks { get; set; } = [];

    /// <summary>The plans; none configured means <see cref="DefaultPlans"/>. At most 20; one of them is <see cref="PlanOptions.Free"/>.</summary>
    public List<PlanOptions> Plans { get; set; } = [];

    /// <summary>Where orders are paid: <c>sandbox</c>, or one of <see cref="Providers"/> that has a checkout page.</summary>
    public string CheckoutProvider { get; set; } = SandboxOptions.Provider;

    /// <summary>Payment providers whose webhooks are taken, by the name that stands in the webhook's path.</summary>
    public Dictionary<string, ProviderOptions> Providers { get; set; } = [];

    /// <summary>How far a webhook's timestamp may be from now, 1 min to 1 h. Standard Webhooks advises five minutes.</summary>
    public TimeSpan WebhookTolerance { get; set; } = TimeSpan.FromMinutes(5);

    public SandboxOptions Sandbox { get; set; } = new();

    public static IReadOnlyList<CreditPackOptions> DefaultPacks { get; } =
    [
        new() { Id = "small", Name = "Small", Credits = 500, PriceAmount = 499 },
        new() { Id = "medium", Name = "Medium", Credits = 1_200, PriceAmount = 999 },
        new() { Id = "large", Name = "Large", Credits = 3_000, PriceAmount = 2_299 },
        new() { Id = "studio", Name = "Studio", Credits = 10_000, PriceAmount = 6_999 },
    ];

    public static IReadOnlyList<PlanOptions> DefaultPlans { get; } =
    [
        new() { Id = PlanOptions.Free, Name = "Free", GenerationsPerDay = 10, GenerationsAtOnce = 3, Priority = 0 },
        new() { Id = "monthly-card", Name = "Monthly card", PriceAmount = 999, PeriodDays = 30, DailyCredits = 60, GenerationsPerDay = 100, GenerationsAtOnce = 6, Priority = 10 },
    ];

    /// <summary>Whether an order made now could be paid.</summary>
    public bool CanCheckOut => CheckoutProvider != SandboxOptions.Provider || Sandbox.Enabled;

    public IReadOnlyList<CreditPackOptions> PacksForSale => CreditPacks.Count > 0 ? CreditPacks : DefaultPacks;

    public IReadOnlyList<PlanOptions> PlansForSale => Plans.Count > 0 ? Plans : DefaultPlans;

    /// <summary>The page where an order is paid; null when its provider is gone.</summary>
    public string? CheckoutUrl(string provider, OrderId order) =>
        provider == SandboxOptions.Provider ? $"{PublicBaseUrl.TrimEnd('/')}/sandbox/checkout/{order}"
        : Providers.TryGetValue(provider, out var known) ? known.CheckoutUrl.Replace(ProviderOptions.OrderPlaceholder, order.ToString())
        : null;

    /// <summary>Reads the section; unknown keys and broken rules are fatal, all of them reported at once.</summary>
    public IEnumerable<string> Validate()
    {
        if (StarterCredits is < 0 or > 1_000_000) yield return $"Payments:StarterCredits is {StarterCredits}; 0 to 1000000 are possible.";
        if (!IsBaseUrl(PublicBaseUrl)) yield return $"Payments:PublicBaseUrl is '{PublicBaseUrl}'; it takes an absolute http or https address without a path, such as https://skyriff.example.";
        if (WebhookTolerance < TimeSpan.FromMinutes(1) || WebhookTolerance > TimeSpan.FromHours(1)) yield return $"Payments:WebhookTolerance is {WebhookTolerance}; 1 min to 1 h are possible.";
        if (CreditPacks.Count > 50) yield return $"Payments:CreditPacks has {CreditPacks.Count} entries; at most 50 are possible.";
        if (Plans.Count > 20) yield return $"Payments:Plans has {Plans.Count} entries; at most 20 are possible.";
        foreach (var mistake in PacksForSale.SelectMany(pack => pack.Validate())) yield return mistake;
        foreach (var mistake in PlansForSale.SelectMany(plan => plan.Validate())) yield return mistake;
        foreach (var twin in PacksForSale.GroupBy(pack => pack.Id).Where(group => group.Count() > 1)) yield return $"Payments:CreditPacks has two packs with the id '{twin.Key}'.";
        foreach (var twin in PlansForSale.GroupBy(plan => plan.Id).Where(group => group.Count() > 1)) yield return $"Payments:Plans has two plans with the id '{twin.Key}'.";
        if (PlansForSale.All(plan => plan.Id != PlanOptions.Free)) yield return $"Payments:Plans has no plan with the id '{PlanOptions.Free}', which everybody without a subscription is on.";
        foreach (var (name, provider) in Providers)
        {
            if (name == SandboxOptions.Provider) yield return "Payments:Providers:sandbox is the built-in provider; its secret is Payments:Sandbox:Secret.";
            foreach (var mistake in provider.Validate(name)) yield return mistake;
        }
        if (CheckoutProvider != SandboxOptions.Provider && (!Providers.TryGetValue(CheckoutProvider, out var checkout) || checkout.CheckoutUrl.Length == 0))
        {
            yield return $"Payments:CheckoutProvider is '{CheckoutProvider}'; it takes sandbox, or a name of Payments:Providers that has a CheckoutUrl.";
        }
        foreach (var mistake in Sandbox.Validate()) yield return mistake;
    }

    /// <summary>Lower-case letters, digits and dashes: ids stand in URLs, orders and configuration.</summary>
    internal static bool IsName(string text) => text.Length is > 0 and <= 40 && text.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '-');

    internal static bool IsCurrency(string text) => text.Length == 3 && text.All(char.IsAsciiLetterUpper);

    internal static bool IsBaseUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps) && uri.PathAndQuery == "/" && uri.Fragment.Length == 0 && uri.UserInfo.Length == 0;
}

internal sealed class CreditPackOptions
{
    /// <summary>Never reused for another pack: orders name it.</summary>
    public string Id { get; set; } = "";

    public string Name { get; set; } = "";

    /// <summary>1 to 10,000,000.</summary>
    public long Credits { get; set; }

    /// <summary>Minor units, 1 to 100,000,000.</summary>
    public long PriceAmount { get; set; }

    /// <summary>ISO 4217.</summary>
    public string PriceCurrency { get; set; } = "USD";

    public IEnumerable<string> Validate()
    {
        if (!PaymentsOptions.IsName(Id)) yield return $"Payments:CreditPacks has the id '{Id}'; 1 to 40 of a-z, 0-9 and - are possible.";
        if (Name.Length is 0 or > 80) yield return $"Payments:CreditPacks '{Id}' has a name of {Name.Length} characters; 1 to 80 are possible.";
        if (Credits is < 1 or > 10_000_000) yield return $"Payments:CreditPacks '{Id}' has {Credits} credits; 1 to 10000000 are possible.";
        if (PriceAmount is < 1 or > 100_000_000) yield return $"Payments:CreditPacks '{Id}' costs {PriceAmount}; 1 to 100000000 minor units are possible.";
        if (!PaymentsOptions.IsCurrency(PriceCurrency)) yield return $"Payments:CreditPacks '{Id}' has the currency '{PriceCurrency}'; it takes an ISO 4217 code such as USD.";
    }
}

internal sealed class PlanOptions
{
    /// <summary>The plan of everybody without a subscription.</summary>
    public const string Free = "free";

    public string Id { get; set; } = "";

    public string Name { get; set; } = "";

    /// <summary>Minor units per period, 0 to 100,000,000.</summary>
    public long PriceAmount { get; set; }

    /// <summary>ISO 4217.</summary>
    public string PriceCurrency { get; set; } = "USD";

    /// <summary>0 (no end) to 366.</summary>
    public int PeriodDays { get; set; }

    /// <summary>Credits given each day, 0 to 100,000.</summary>
    public long DailyCredits { get; set; }

    /// <summary>Accepted per UTC day, 1 to 100,000.</summary>
    public int GenerationsPerDay { get; set; } = 10;

    /// <summary>Unfinished at a time, 1 to 1,000.</summary>
    public int GenerationsAtOnce { get; set; } = 3;

    /// <summary>Jobs of a higher one go first; 0 to 100.</summary>
    public short Priority { get; set; }

    public IEnumerable<string> Validate()
    {
        if (!PaymentsOptions.IsName(Id)) yield return $"Payments:Plans has the id '{Id}'; 1 to 40 of a-z, 0-9 and - are possible.";
        if (Name.Length is 0 or > 80) yield return $"Payments:Plans '{Id}' has a name of {Name.Length} characters; 1 to 80 are possible.";
        if (PriceAmount is < 0 or > 100_000_000) yield return $"Payments:Plans '{Id}' costs {PriceAmount}; 0 to 100000000 minor units are possible.";
        if (Id == Free && PriceAmount != 0) yield return $"Payments:Plans '{Id}' costs {PriceAmount}; the free plan is free.";
        if (!PaymentsOptions.IsCurrency(PriceCurrency)) yield return $"Payments:Plans '{Id}' has the currency '{PriceCurrency}'; it takes an ISO 4217 code such as USD.";
        if (PeriodDays is < 0 or > 366) yield return $"Payments:Plans '{Id}' lasts {PeriodDays} days; 0 to 366 are possible.";
        if (DailyCredits is < 0 or > 100_000) yield return $"Payments:Plans '{Id}' gives {DailyCredits} credits a day; 0 to 100000 are possible.";
        if (GenerationsPerDay is < 1 or > 100_000) yield return $"Payments:Plans '{Id}' allows {GenerationsPerDay} generations a day; 1 to 100000 are possible.";
        if (GenerationsAtOnce is < 1 or > 1_000) yield return $"Payments:Plans '{Id}' allows {GenerationsAtOnce} generations at once; 1 to 1000 are possible.";
        if (Priority is < 0 or > 100) yield return $"Payments:Plans '{Id}' has the priority {Priority}; 0 to 100 are possible.";
    }
}

internal sealed class ProviderOptions
{
    public const string OrderPlaceholder = "{order}";

    /// <summary>The page where an order is paid, with <c>{order}</c> where its id goes; empty for a provider that old orders alone are paid at.</summary>
    public string CheckoutUrl { get; set; } = "";

    /// <summary>Secrets that its webhooks may be signed with, 1 to 5; several while one replaces another. <c>whsec_</c> and base64 of 24 to 64 bytes. Secret.</summary>
    public List<string> Secrets { get; set; } = [];

    public IEnumerable<string> Validate(string name)
    {
        if (!PaymentsOptions.IsName(name)) yield return $"Payments:Providers has the name '{name}'; 1 to 40 of a-z, 0-9 and - are possible.";
        if (CheckoutUrl.Length > 0 && !(CheckoutUrl.Contains(OrderPlaceholder) && Uri.TryCreate(CheckoutUrl.Replace(OrderPlaceholder, "1"), UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttps))
        {
            yield return $"Payments:Providers:{name}:CheckoutUrl is '{CheckoutUrl}'; it takes an absolute https address that contains {OrderPlaceholder}, or nothing.";
        }
        if (Secrets.Count is < 1 or > 5) yield return $"Payments:Providers:{name}:Secrets has {Secrets.Count} entries; 1 to 5 are possible.";
        for (var i = 0; i < Secrets.Count; i++)
        {
            if (!WebhookSecret.TryParse(Secrets[i], out _)) yield return $"Payments:Providers:{name}:Secrets:{i} is not 'whsec_' followed by the base64 of 24 to 64 bytes.";
        }
    }

    public override string ToString() => $"{Secrets.Count} secrets";
}

/// <summary>The built-in provider, which takes no money: for a laptop, tests and demonstrations.</summary>
internal sealed class SandboxOptions
{
    public const string Provider = "sandbox";

    /// <summary>Whoever can sign in can have credits for nothing where this is on.</summary>
    public bool Enabled { get; set; }

    /// <summary>Where its webhooks go: this program, as it reaches itself, such as http://127.0.0.1:5080. Empty means the address that this process listens on.</summary>
    public string WebhookBaseUrl { get; set; } = "";

    /// <summary>Signs its webhooks. Empty means a new one for each run of the process, which is right where one process does both; several need the same. Secret.</summary>
    public string Secret { get; set; } = "";

    /// <summary>How long the caller of "complete" waits for the delivery, 0 to 10 s; it goes on afterwards all the same.</summary>
    public TimeSpan CompletionWait { get; set; } = TimeSpan.FromSeconds(2);

    public IEnumerable<string> Validate()
    {
        if (WebhookBaseUrl.Length > 0 && !PaymentsOptions.IsBaseUrl(WebhookBaseUrl)) yield return $"Payments:Sandbox:WebhookBaseUrl is '{WebhookBaseUrl}'; it takes an absolute http or https address without a path, or nothing.";
        if (Secret.Length > 0 && !WebhookSecret.TryParse(Secret, out _)) yield return "Payments:Sandbox:Secret is not 'whsec_' followed by the base64 of 24 to 64 bytes.";
        if (CompletionWait < TimeSpan.Zero || CompletionWait > TimeSpan.FromSeconds(10)) yield return $"Payments:Sandbox:CompletionWait is {CompletionWait}; 0 to 10 s are possible.";
    }

    public override string ToString() => Enabled ? "enabled" : "disabled";
}
