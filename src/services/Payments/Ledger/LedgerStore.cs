using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Payments.Ledger;

/// <summary>
/// The ledger's functions (see <c>Migrations/0001_ledger.sql</c>), each one statement and one transaction by itself: one round trip. Given a session, a
/// movement joins the caller's transaction instead.
/// </summary>
internal sealed class LedgerStore(PaymentsDatabase database)
{
    private const string Starter = "starter";
    private const string Purchase = "purchase";

    public Task<Movement> OpenAsync(UserId user, long starterCredits, CancellationToken cancellationToken) =>
        database.PrimaryAsync(user.Slot(), (session, token) => DepositAsync(session, user, Starter, user.ToString(), starterCredits, token), cancellationToken);

    public Task<Movement> HoldAsync(UserId user, GenerationId generation, long credits, CancellationToken cancellationToken) =>
        database.PrimaryAsync(user.Slot(), (session, token) => session.SingleAsync(
            $"SELECT moved, state::text, amount, credits, held, coins, changed_at FROM payments.hold({user}, {generation}, {credits})", Movement.Read, token), cancellationToken);

    public Task<Movement> CaptureAsync(UserId user, GenerationId generation, CancellationToken cancellationToken) =>
        database.PrimaryAsync(user.Slot(), (session, token) => session.SingleAsync(
            $"SELECT moved, state::text, amount, credits, held, coins, changed_at FROM payments.settle({user}, {generation}, 'captured')", Movement.Read, token), cancellationToken);

    public Task<Movement> ReleaseAsync(UserId user, GenerationId generation, CancellationToken cancellationToken) =>
        database.PrimaryAsync(user.Slot(), (session, token) => session.SingleAsync(
            $"SELECT moved, state::text, amount, credits, held, coins, changed_at FROM payments.settle({user}, {generation}, 'released')", Movement.Read, token), cancellationToken);

    public static Task<Movement> PurchaseAsync(SqlSession session, UserId user, OrderId order, long credits, CancellationToken cancellationToken) =>
        DepositAsync(session, user, Purchase, order.ToString(), credits, cancellationToken);

    /// <summary>Takes back what is left of an order's credits; the movement tells how many.</summary>
    public static Task<Movement> RefundAsync(SqlSession session, UserId user, OrderId order, long credits, CancellationToken cancellationToken) => session.SingleAsync(
        $"SELECT moved, state::text, amount, credits, held, coins, changed_at FROM payments.refund({user}, {order}, {credits})", Movement.Read, cancellationToken);

    /// <summary>The wallet, or null when it has not been opened.</summary>
    public Task<Wallet?> FindWalletAsync(UserId user, CancellationToken cancellationToken) =>
        database.ReadAsync(user.Slot(), (session, token) => session.FirstAsync(
            $"SELECT credits, held, coins, changed_at FROM payments.wallets WHERE user_id = {user}", row => Wallet.Read(row, 0), token), cancellationToken);

    private static Task<Movement> DepositAsync(SqlSession session, UserId user, string kind, string reference, long credits, CancellationToken cancellationToken) => session.SingleAsync(
        $"SELECT moved, state::text, amount, credits, held, coins, changed_at FROM payments.deposit({user}, {kind}::payments.transfer_kind, {reference}, {credits})", Movement.Read, cancellationToken);
}
