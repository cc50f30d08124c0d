namespace SkyRiff.Contracts;

/// <summary>Proves the ledger, on every shard; what <c>skyriff ledger verify</c> runs. Reads only, and may run while money moves.</summary>
public interface ILedgerAudit
{
    Task<LedgerReport> VerifyAsync(CancellationToken cancellationToken);
}

/// <param name="Shards">What was looked at, by shard.</param>
/// <param name="ViolationCount">All of them.</param>
/// <param name="Violations">The first of them; at most <see cref="ViolationsMax"/>.</param>
public sealed record LedgerReport(IReadOnlyList<ShardLedger> Shards, long ViolationCount, IReadOnlyList<LedgerViolation> Violations)
{
    public const int ViolationsMax = 1_000;

    public bool IsClean => ViolationCount == 0;
}

/// <param name="Credits">In the wallets, ready to be spent.</param>
/// <param name="Held">In the wallets, set aside for generations.</param>
/// <param name="OpenHolds">Holds that are neither captured nor released.</param>
/// <param name="PlatformAccounts">Balance per account of the platform; together with the wallets they are zero.</param>
public sealed record ShardLedger(
    int Shard, long Wallets, long Transfers, long Entries, long Holds, long OpenHolds, long Credits, long Held, long Coins, IReadOnlyDictionary<string, long> PlatformAccounts);

/// <param name="Rule">Which promise is broken; one of a fixed list of names.</param>
/// <param name="Subject">What breaks it: a transfer, a wallet, a generation, an order, an account.</param>
public sealed record LedgerViolation(int Shard, string Rule, string Subject, string Detail);
