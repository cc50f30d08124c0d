namespace SkyRiff.Videos.Media;

/// <summary>
/// The picture's size as an H.264 decoder will see it, from the parameters in an <c>avcC</c> box (ISO/IEC 14496-15, 5.3.3; ITU-T H.264, 7.3.2.1.1 and E.1.1), for what is
/// plain: 4:2:0 with 8 bits, progressive, video range, square pixels. Null for everything else, and for what is cut short.
/// </summary>
internal static class AvcParameters
{
    private const int SetLengthMax = 256;
    private const int MacroblocksMax = 4096; // of a side: far beyond any level

    public static (int Width, int Height)? PlainSize(ReadOnlySpan<byte> avcC)
    {
        var fields = new Mp4Fields(avcC);
        if (fields.Byte() != 1) return null;
        fields.Take(4); // profile, compatibility, level, length of lengths
        if ((fields.Byte() & 31) != 1) return null; // one sequence parameter set
        var set = fields.Take(fields.UInt16());
        if (fields.Byte() != 1) return null; // one picture parameter set
        var pictureSet = fields.Take(fields.UInt16());
        if (fields.Short || !IsSet(set, 7) || !IsSet(pictureSet, 8)) return null;

        Span<byte> bits = stackalloc byte[SetLengthMax];
        if (!IsPlain(new BitFields(bits[..Unescape(pictureSet[1..], bits)]))) return null;
        return Size(new BitFields(bits[..Unescape(set[1..], bits)]));
    }

    private static bool IsSet(ReadOnlySpan<byte> unit, int type) => unit.Length is >= 4 and <= SetLengthMax && (unit[0] & 0x9F) == type;

    /// <summary>The picture parameter set belongs to the sequence's set 0, and its first fields are within their ranges (7.3.2.2).</summary>
    private static bool IsPlain(BitFields set)
    {
        if (set.Golomb() != 0 || set.Golomb() != 0) return false; // ids
        set.Bits(2);
        if (set.Golomb() != 0) return false; // slice groups
        return set.Golomb() < 32 && set.Golomb() < 32 && set.Bits(3) is var weighting && (weighting & 3) < 3 && set.Golomb() <= 104 && set.Golomb() <= 104 && set.Golomb() <= 24 && !set.Short;
    }

    private static (int Width, int Height)? Size(BitFields set)
    {
        var profile = set.Bits(8);
        set.Bits(16); // constraints and level
        if (set.Golomb() != 0) return null; // its id
        switch (profile)
        {
            case 66 or 77:
                break; // 4:2:0 with 8 bits by definition
            case 100:
                if (set.Golomb() != 1 || set.Golomb() != 0 || set.Golomb() != 0) return null; // 4:2:0, 8 bits, 8 bits
                if (set.Bits(2) != 0) return null; // transform bypass, scaling matrices
                break;
            default:
                return null;
        }

        set.Golomb(); // frame numbers
        switch (set.Golomb()) // the way that pictures are ordered
        {
            case 0:
                set.Golomb();
                break;
            case 2:
                break;
            default:
                return null;
        }

        set.Golomb(); // reference frames
        set.Bits(1);
        var (columns, rows) = (set.Golomb() + 1, set.Golomb() + 1);
        if (columns > MacroblocksMax || rows > MacroblocksMax || set.Bits(1) != 1) return null; // progressive
        set.Bits(1);
        long cutX = 0, cutY = 0;
        if (set.Bits(1) == 1)
        {
            cutX = 2 * (set.Golomb() + set.Golomb());
            cutY = 2 * (set.Golomb() + set.Golomb());
        }

        if (set.Bits(1) == 1 && !HasPlainPixels(ref set)) return null;
        var (width, height) = ((columns * 16) - cutX, (rows * 16) - cutY);
        // An encoder cuts off what does not fill the last block; more than that is a choice of a part of the picture.
        return !set.Short && cutX < 16 && cutY < 16 ? ((int)width, (int)height) : null;
    }

    /// <summary>Of the usability information: the pixels' shape and the range.</summary>
    private static bool HasPlainPixels(ref BitFields set)
    {
        if (set.Bits(1) == 1)
        {
            const int Unspecified = 0, Square = 1, Extended = 255;
            var aspect = set.Bits(8);
            if (aspect == Extended)
            {
                var (over, under) = (set.Bits(16), set.Bits(16));
                if (over != under || over == 0) return false;
            }
            else if (aspect is not (Unspecified or Square)) return false;
        }

        if (set.Bits(1) == 1) set.Bits(1); // overscan
        if (set.Bits(1) == 0) return true;
        set.Bits(3);
        return set.Bits(1) == 0; // full range, which would be another pixel format
    }

    /// <summary>Takes out the bytes that keep start codes from appearing; answers the length.</summary>
    private static int Unescape(ReadOnlySpan<byte> from, Span<byte> to)
    {
        var (length, zeros) = (0, 0);
        foreach (var value in from)
        {
            if (zeros >= 2 && value == 3)
            {
                zeros = 0;
                continue;
            }

            zeros = value == 0 ? zeros + 1 : 0;
            to[length++] = value;
        }

        return length;
    }

    /// <summary>Bits from the first to the last; 0 past the end, and <see cref="Short"/>.</summary>
    private ref struct BitFields(ReadOnlySpan<byte> bytes)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;
        private int _at;

        public bool Short { get; private set; }

        public long Bits(int count)
        {
            long value = 0;
            for (; count > 0; count--, _at++)
            {
                if (_at >= _bytes.Length * 8) Short = true;
                else value |= (long)((_bytes[_at / 8] >> (7 - (_at % 8))) & 1) << (count - 1);
            }

            return value;
        }

        /// <summary>An unsigned Exp-Golomb number of at most 32 bits.</summary>
        public long Golomb()
        {
            var zeros = 0;
            while (Bits(1) == 0)
            {
                if (++zeros <= 31 && !Short) continue;
                Short = true;
                return 0;
            }

            return (1L << zeros) - 1 + Bits(zeros);
        }
    }
}
