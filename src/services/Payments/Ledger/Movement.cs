using SkyRiff.Contracts;
using SkyRiff.Data;

namespace SkyRiff.Payments.Ledger;

/// <summary>What a user has. <paramref name="ChangedAt"/> is the database's time of the last movement.</summary>
internal sealed record Wallet(long Credits, long Held, long Coins, DateTimeOffset ChangedAt)
{
    public static Wallet Read(SqlRow row, int first) => new(row.Long(first), row.Long(first + 1), row.Long(first + 2), row.Time(first + 3));
}

/// <summary>What a ledger function answered.</summary>
/// <param name="State">How the generation's hold stands now; null where there is none.</param>
/// <param name="Credits">How many this hold, deposit or refund is about.</param>
/// <param name="Wallet">The wallet after the movement; null when this call moved nothing, because it was refused or is a repetition.</param>
internal sealed record Movement(HoldState? State, long Credits, Wallet? Wallet)
{
    public bool Moved => Wallet is not null;

    /// <summary>Columns of SQL's <c>payments.movement</c>, in order.</summary>
    public static Movement Read(SqlRow row) => new(ParseState(row.TextOrNull(1)), row.Long(2), row.Bool(0) ? Wallet.Read(row, 3) : null);

    private static HoldState? ParseState(string? state) => state switch
    {
        null => null,
        "held" => HoldState.Held,
        "captured" => HoldState.Captured,
        "released" => HoldState.Released,
        _ => throw new InvalidOperationException($"Unknown hold state {state}."),
    };
}
