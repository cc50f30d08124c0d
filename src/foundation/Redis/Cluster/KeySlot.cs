namespace SkyRiff.Redis.Cluster;

/// <summary>Which of the 16,384 hash slots a key lives in: CRC16-CCITT (XMODEM) of its hashtag, or of all of it (Redis cluster specification).</summary>
public static class KeySlot
{
    /// <summary>Slots of a cluster.</summary>
    public const int Count = 16384;

    private static readonly ushort[] Table = MakeTable();

    /// <summary>The slot of a key.</summary>
    public static int Of(ReadOnlySpan<byte> key)
    {
        var open = key.IndexOf((byte)'{');
        if (open >= 0)
        {
            var tag = key[(open + 1)..];
            var close = tag.IndexOf((byte)'}');
            if (close > 0)
                key = tag[..close];
        }

        return Crc16(key) & (Count - 1);
    }

    internal static ushort Crc16(ReadOnlySpan<byte> bytes)
    {
        var crc = 0;
        foreach (var value in bytes)
            crc = ((crc << 8) ^ Table[((crc >> 8) ^ value) & 0xFF]) & 0xFFFF;
        return (ushort)crc;
    }

    private static ushort[] MakeTable()
    {
        const int polynomial = 0x1021;
        var table = new ushort[256];
        for (var index = 0; index < table.Length; index++)
        {
            var crc = index << 8;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 0x8000) != 0 ? (crc << 1) ^ polynomial : crc << 1;
            table[index] = (ushort)crc;
        }

        return table;
    }
}
