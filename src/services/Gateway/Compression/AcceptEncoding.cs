using System.Text;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Compression;

/// <summary>Content codings that the gateway makes.</summary>
internal enum Coding : byte
{
    Identity,
    Brotli,
    Gzip,
}

/// <summary>
/// What the <c>Accept-Encoding</c> fields of a request allow (RFC 9110 section 12.5.3). Weights are thousandths; what is not named has the weight of <c>*</c>, and
/// without one only identity is allowed. Other codings are remembered as being there, for the key of stored responses.
/// </summary>
internal readonly struct AcceptEncoding
{
    private static readonly byte[][] Names = ["identity"u8.ToArray(), "br"u8.ToArray(), "gzip"u8.ToArray(), "deflate"u8.ToArray(), "zstd"u8.ToArray(), "compress"u8.ToArray()];

    private const int Gzip = 2;
    private const int Unsaid = -1;

    private readonly short _identity;
    private readonly short _brotli;
    private readonly short _gzip;
    private readonly short _any;

    /// <summary>Bits of <see cref="Names"/> that are allowed by name, then one for "*" and one for what is not known here.</summary>
    private readonly ushort _named;

    private AcceptEncoding(ReadOnlySpan<short> weights, short any, bool hasOthers)
    {
        (_identity, _brotli, _gzip, _any) = (weights[0], weights[1], weights[Gzip], any);
        for (var i = 1; i < weights.Length; i++)
        {
            if (weights[i] > 0) _named |= (ushort)(1 << i);
        }
        if (any > 0) _named |= 1 << 8;
        if (hasOthers) _named |= 1 << 9;
        if (!AllowsIdentity) _named |= 1;
    }

    /// <summary>False when the client would rather have no answer than an uncoded one.</summary>
    public bool AllowsIdentity => _identity > 0 || (_identity == Unsaid && _any != 0);

    public static AcceptEncoding Of(RequestHead head)
    {
        Span<short> weights = stackalloc short[Names.Length];
        weights.Fill(Unsaid);
        short any = Unsaid;
        var hasOthers = false;
        if (head.Has(KnownField.AcceptEncoding))
        {
            for (var i = head.IndexOf(KnownField.AcceptEncoding); i < head.FieldCount; i++)
            {
                if (head.Fields[i].Known == KnownField.AcceptEncoding) Read(head.ValueAt(i), weights, ref any, ref hasOthers);
            }
        }
        return new AcceptEncoding(weights, any, hasOthers);
    }

    /// <summary>The allowed coding that the client prefers; of equals, the one that compresses better.</summary>
    public Coding Choose(bool brotli, bool gzip)
    {
        var (brotliWeight, gzipWeight) = (brotli ? WeightOf(_brotli) : 0, gzip ? WeightOf(_gzip) : 0);
        var best = brotliWeight >= gzipWeight ? Coding.Brotli : Coding.Gzip;
        var weight = Math.Max(brotliWeight, gzipWeight);
        return weight <= 0 || _identity > weight ? Coding.Identity : best;
    }

    /// <summary>The same text for all requests that allow the same.</summary>
    public bool TryFormat(Span<byte> text, out int length)
    {
        var writer = new HeadWriter(text);
        for (var i = 1; i < Names.Length; i++)
        {
            if ((_named & (1 << i)) == 0) continue;
            writer.Write(Names[i]);
            writer.Write((byte)',');
        }
        if ((_named & (1 << 8)) != 0) writer.Write((byte)'*');
        if ((_named & (1 << 9)) != 0) writer.Write((byte)'?');
        if ((_named & 1) != 0) writer.Write((byte)'!');
        length = writer.Length;
        return !writer.Overflowed;
    }

    private int WeightOf(short named) => named != Unsaid ? named : Math.Max((short)0, _any);

    private static void Read(ReadOnlySpan<byte> value, Span<short> weights, ref short any, ref bool hasOthers)
    {
        while (value.Length > 0)
        {
            var comma = value.IndexOf((byte)',');
            var element = comma < 0 ? value : value[..comma];
            value = comma < 0 ? default : value[(comma + 1)..];
            var semicolon = element.IndexOf((byte)';');
            var name = HttpBytes.Trim(semicolon < 0 ? element : element[..semicolon]);
            if (name.Length == 0) continue;
            var weight = semicolon < 0 ? (short)1000 : WeightIn(element[(semicolon + 1)..]);
            if (name is [(byte)'*'])
            {
                any = weight;
                continue;
            }
            if (Ascii.EqualsIgnoreCase(name, "x-gzip"u8)) name = "gzip"u8;
            var found = false;
            for (var i = 0; i < Names.Length; i++)
            {
                if (!Ascii.EqualsIgnoreCase(name, Names[i])) continue;
                weights[i] = weight;
                found = true;
            }
            hasOthers |= !found && weight > 0;
        }
    }

    /// <summary><c>q=0.5</c> as thousandths; what cannot be read is a no.</summary>
    private static short WeightIn(ReadOnlySpan<byte> parameter)
    {
        parameter = HttpBytes.Trim(parameter);
        if (parameter.Length < 3 || (parameter[0] | 0x20) != 'q' || parameter[1] != '=') return 0;
        var digits = parameter[2..];
        if (digits.Length > 5 || digits[0] is not ((byte)'0' or (byte)'1') || (digits.Length > 1 && digits[1] != '.')) return 0;
        var (weight, place) = ((digits[0] - '0') * 1000, 100);
        for (var i = 2; i < digits.Length; i++, place /= 10)
        {
            if (!HttpBytes.IsDigit(digits[i])) return 0;
            weight += (digits[i] - '0') * place;
        }
        return (short)Math.Min(1000, weight);
    }
}
