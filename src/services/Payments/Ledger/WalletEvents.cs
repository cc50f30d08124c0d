using SkyRiff.Contracts;
using SkyRiff.Http;

namespace SkyRiff.Payments.Ledger;

/// <summary>Tells a user's open pages what the wallet holds, after each movement and when a stream is (re)opened.</summary>
internal sealed class WalletEvents(UserEventHub hub, LedgerStore ledger) : IUserEventSource
{
    private const string EventType = "wallet";

    /// <summary>To be called after the commit; a movement that moved nothing tells nothing.</summary>
    public void Publish(UserId user, Movement movement)
    {
        if (movement.Wallet is { } wallet) hub.Publish(user.Value, EventOf(wallet));
    }

    public async Task<IReadOnlyList<UserEvent>> SinceAsync(long user, DateTimeOffset? since, CancellationToken cancellationToken) =>
        await ledger.FindWalletAsync(new UserId(user), cancellationToken) is { } wallet && (since is null || wallet.ChangedAt > since) ? [EventOf(wallet)] : [];

    private static UserEvent EventOf(Wallet wallet) => new(EventType, wallet.ChangedAt, ApiJson.Bytes(WalletReply.Of(wallet)));
}

/// <summary><c>GET /wallet</c>, and the data of the event <c>wallet</c>.</summary>
internal sealed record WalletReply(long Credits, long Held, long Coins)
{
    public static WalletReply Of(Wallet wallet) => new(wallet.Credits, wallet.Held, wallet.Coins);
}
