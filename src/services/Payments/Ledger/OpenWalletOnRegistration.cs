using SkyRiff.Contracts;
using SkyRiff.Data;

namespace SkyRiff.Payments.Ledger;

/// <summary>
/// Opens the wallet of whoever registered, should the registration have died before it asked for it. The ledger remembers the starter grant by user, so the
/// event may come any number of times.
/// </summary>
internal sealed class OpenWalletOnRegistration(ICredits credits) : IEventConsumer
{
    public string Name => "payments.open_wallet";

    public IReadOnlySet<string> Topics { get; } = new HashSet<string> { Contracts.Topics.UserRegistered };

    public Task HandleAsync(EventEnvelope envelope, CancellationToken cancellationToken) =>
        credits.OpenWalletAsync(EventJson.Read<UserRegistered>(envelope).User, cancellationToken);
}
