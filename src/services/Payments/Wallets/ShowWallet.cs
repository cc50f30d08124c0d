using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Payments.Ledger;

namespace SkyRiff.Payments.Wallets;

/// <summary>The caller's balances. Nothing, for the moment between registering and the wallet's opening.</summary>
internal sealed class ShowWallet(LedgerStore ledger) : IUseCase<WalletReply>
{
    public async Task<Outcome<WalletReply>> HandleAsync(Call call, CancellationToken cancellationToken) =>
        await ledger.FindWalletAsync(new UserId(call.Caller.Subject), cancellationToken) is { } wallet ? WalletReply.Of(wallet) : new WalletReply(0, 0, 0);
}
