using System.Diagnostics.CodeAnalysis;
using SkyRiff.Http.Webhooks;
using SkyRiff.Kernel;

namespace SkyRiff.Payments.Webhooks;

/// <summary>Who may tell us about payments, and with which secrets.</summary>
internal sealed class PaymentProviders
{
    private readonly Dictionary<string, IReadOnlyList<WebhookSecret>> _secrets = [];

    public PaymentProviders(PaymentsOptions options, Entropy entropy)
    {
        foreach (var (name, provider) in options.Providers) _secrets.Add(name, [.. provider.Secrets.Select(WebhookSecret.Parse)]);
        SandboxSecret = options.Sandbox.Secret.Length > 0 ? WebhookSecret.Parse(options.Sandbox.Secret) : WebhookSecret.Make(entropy);
        if (options.Sandbox.Enabled) _secrets.Add(SandboxOptions.Provider, [SandboxSecret]);
    }

    /// <summary>What the built-in provider signs with.</summary>
    public WebhookSecret SandboxSecret { get; }

    public bool TryGetSecrets(string provider, [MaybeNullWhen(false)] out IReadOnlyList<WebhookSecret> secrets) => _secrets.TryGetValue(provider, out secrets);
}
