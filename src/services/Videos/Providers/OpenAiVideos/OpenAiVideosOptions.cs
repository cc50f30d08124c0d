using SkyRiff.Http.Webhooks;

namespace SkyRiff.Videos.Providers.OpenAiVideos;

/// <summary>One provider that speaks the OpenAI-compatible <c>/v1/videos</c> dialect: a gateway, a reseller, a model server of one's own.</summary>
internal sealed class OpenAiVideosOptions
{
    /// <summary>Up to and with the version, such as <c>https://gateway.example/v1</c>.</summary>
    public string BaseUrl { get; set; } = "";

    /// <summary>Sent as a bearer token. Secret.</summary>
    public string ApiKey { get; set; } = "";

    /// <summary>Jobs in progress per process, 1 to 10,000.</summary>
    public int ConcurrencyMax { get; set; } = 100;

    /// <summary>Between polls where the provider gives no hint, 200 ms to 1 min.</summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>One call but the download, 1 s to 5 min.</summary>
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>A download that brings no byte for this long has failed, 1 s to 5 min.</summary>
    public TimeSpan StallTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// True where the provider honours <c>Idempotency-Key</c> on create: an unanswered create is then settled by repeating it. Else its list is searched.
    /// </summary>
    public bool HonoursIdempotencyKey { get; set; }

    /// <summary>
    /// What its callbacks to <c>/api/v1/webhooks/providers/NAME</c> are signed with (Standard Webhooks: <c>whsec_</c> and base64 of 24 to 64 bytes), up to 5 while one replaces another;
    /// none: callbacks are refused, and polls alone tell. Secret.
    /// </summary>
    public List<string> WebhookSecrets { get; set; } = [];

    public List<ModelOptions> Models { get; set; } = [];

    public IEnumerable<string> Validate(string name)
    {
        var section = "Videos:OpenAiVideos:" + name;
        if (name.Length is 0 or > 40 || name == Studio.StudioProvider.ProviderName) yield return $"{section}: the name has 1 to 40 characters and is not {Studio.StudioProvider.ProviderName}.";
        if (!Uri.TryCreate(BaseUrl, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https")) yield return $"{section}:BaseUrl is \"{BaseUrl}\"; an http or https address such as https://gateway.example/v1 is needed.";
        if (ConcurrencyMax is < 1 or > 10_000) yield return $"{section}:ConcurrencyMax is {ConcurrencyMax}; 1 to 10000 are possible.";
        if (PollInterval < TimeSpan.FromMilliseconds(200) || PollInterval > TimeSpan.FromMinutes(1)) yield return $"{section}:PollInterval is {PollInterval}; 200 ms to 1 min are possible.";
        if (CallTimeout < TimeSpan.FromSeconds(1) || CallTimeout > TimeSpan.FromMinutes(5)) yield return $"{section}:CallTimeout is {CallTimeout}; 1 s to 5 min are possible.";
        if (StallTimeout < TimeSpan.FromSeconds(1) || StallTimeout > TimeSpan.FromMinutes(5)) yield return $"{section}:StallTimeout is {StallTimeout}; 1 s to 5 min are possible.";
        if (WebhookSecrets.Count > 5) yield return $"{section}:WebhookSecrets has {WebhookSecrets.Count} entries; at most 5 are possible.";
        for (var i = 0; i < WebhookSecrets.Count; i++)
        {
            if (!WebhookSecret.TryParse(WebhookSecrets[i], out _)) yield return $"{section}:WebhookSecrets:{i} is not 'whsec_' followed by the base64 of 24 to 64 bytes.";
        }
        if (Models.Count == 0) yield return $"{section}:Models is empty; name at least one model.";
        foreach (var mistake in Models.SelectMany((model, i) => model.Validate($"{section}:Models:{i}"))) yield return mistake;
    }

    public override string ToString() => $"{BaseUrl} (key {(ApiKey.Length > 0 ? "set" : "not set")})";
}

/// <summary>A model's capabilities; the API does not tell them, so the operator does.</summary>
internal sealed class ModelOptions
{
    public string Id { get; set; } = "";

    public string Name { get; set; } = "";

    public List<int> Seconds { get; set; } = [];

    public List<string> Sizes { get; set; } = [];

    public int CreditsPerSecond { get; set; } = 10;

    public bool TakesReference { get; set; }

    public DateOnly? RetiresOn { get; set; }

    public VideoModel ToModel() => new()
    {
        Id = Id,
        Name = Name.Length > 0 ? Name : Id,
        Seconds = Seconds,
        Sizes = [.. Sizes.Select(size => FrameSize.TryParse(size, out var frame) ? frame : throw new InvalidOperationException("Validated before."))],
        CreditsPerSecond = CreditsPerSecond,
        TakesReference = TakesReference,
        RetiresOn = RetiresOn,
    };

    public IEnumerable<string> Validate(string section)
    {
        if (Id.Length is 0 or > 100) yield return $"{section}:Id has 1 to 100 characters.";
        if (Seconds.Count == 0 || Seconds.Exists(length => length is < 1 or > 120)) yield return $"{section}:Seconds lists lengths of 1 to 120.";
        if (Sizes.Count == 0 || Sizes.Exists(size => !FrameSize.TryParse(size, out var frame) || frame.Width is < 64 or > 4096 || frame.Height is < 64 or > 4096)) yield return $"{section}:Sizes lists sizes such as 1280x720, each side 64 to 4096.";
        if (CreditsPerSecond is < 1 or > 1_000_000) yield return $"{section}:CreditsPerSecond is {CreditsPerSecond}; 1 to 1000000 are possible.";
    }
}
