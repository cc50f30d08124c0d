using System.Globalization;

namespace SkyRiff.Data;

/// <summary>
/// How far a shard's log was when somebody wrote: a replica answers him only once it has replayed that far. Travels between processes as text
/// (PostgreSQL's own form of a log position); a forged one can only send its reader to the primary.
/// </summary>
public readonly record struct ReadFence(long Position)
{
    /// <summary>Any replica in rotation will do.</summary>
    public static ReadFence None => default;

    public override string ToString() => $"{(uint)(Position >> 32):X}/{(uint)Position:X}";

    /// <summary>Reads <see cref="ToString"/>'s form; anything else is refused.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ReadFence fence)
    {
        fence = default;
        var slash = text.IndexOf('/');
        if (slash is < 1 or > 8 || text.Length - slash - 1 is < 1 or > 8) return false;
        if (!uint.TryParse(text[..slash], NumberStyles.AllowHexSpecifier, null, out var high) || high > int.MaxValue) return false;
        if (!uint.TryParse(text[(slash + 1)..], NumberStyles.AllowHexSpecifier, null, out var low)) return false;
        fence = new ReadFence(((long)high << 32) | low);
        return true;
    }
}
