namespace SkyRiff.Foundation.Tests.Redis;

/// <summary>Makes hostile input out of valid frames: joined, cut, flipped, with numbers replaced by extreme ones.</summary>
internal static class FrameMutation
{
    private static readonly byte[][] Hostile =
    [
        "2147483647"u8.ToArray(), "-1"u8.ToArray(), "9223372036854775807"u8.ToArray(), "99999999999999999999"u8.ToArray(), "\r"u8.ToArray(), "\n"u8.ToArray(), "*3\r\n"u8.ToArray(),
        "%1000000\r\n"u8.ToArray(), "$1\r\n"u8.ToArray(), "|1\r\n"u8.ToArray(), "?"u8.ToArray(), "+"u8.ToArray(),
    ];

    public static int Make(Random random, byte[][] corpus, byte[] buffer)
    {
        var length = 0;
        for (var count = random.Next(1, 4); count > 0; count--)
        {
            var frame = corpus[random.Next(corpus.Length)];
            frame.CopyTo(buffer, length);
            length += frame.Length;
        }

        for (var count = random.Next(0, 4); count > 0; count--)
        {
            var at = random.Next(length);
            switch (random.Next(4))
            {
                case 0:
                    buffer[at] = (byte)random.Next(256);
                    break;
                case 1:
                    buffer[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    length = Math.Max(1, at);
                    break;
                default:
                    var insert = Hostile[random.Next(Hostile.Length)];
                    Buffer.BlockCopy(buffer, at, buffer, at + insert.Length, length - at);
                    insert.CopyTo(buffer, at);
                    length += insert.Length;
                    break;
            }
        }

        return length;
    }
}
