namespace SkyRiff.Data;

/// <summary>
/// Tells whether the present call is inside a database transaction, so that whoever is about to call the outside world can refuse:
/// a provider that is asked inside a transaction turns a crash into "paid, maybe started".
/// </summary>
public static class OpenTransaction
{
    private static readonly AsyncLocal<int> Depth = new();

    /// <summary>A transaction is open in this call, or in one that waits for it.</summary>
    public static bool IsOpen => Depth.Value > 0;

    /// <summary>Throws when a transaction is open; stands in front of every outbound call.</summary>
    public static void Forbid(string call)
    {
        if (IsOpen) throw new InvalidOperationException($"{call} inside an open database transaction: commit the intent first, then call.");
    }

    internal static void Entered() => Depth.Value++;

    internal static void Left() => Depth.Value--;
}
