using System.Buffers;
using System.Runtime.CompilerServices;

namespace SkyRiff.Gateway.Http1;

/// <summary>The character classes of RFC 9110 section 5.6 and RFC 3986, as sets that are searched with vector instructions.</summary>
internal static class HttpBytes
{
    /// <summary>tchar: what a method and a field name are made of.</summary>
    public static readonly SearchValues<byte> Token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>Every control character but HTAB: what ends a field value, or must not be in it.</summary>
    public static readonly SearchValues<byte> Control = SearchValues.Create(
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127,
    ]);

    /// <summary>pchar and "/", and the two bytes that browsers send bare in a path. "%" is looked at apart.</summary>
    public static readonly SearchValues<byte> Path =
        SearchValues.Create("/-._~!$&'()*+,;=:@|[]0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>What a query may hold: RFC 3986 and what browsers send bare. No "#", no quotes, no angle brackets.</summary>
    public static readonly SearchValues<byte> Query =
        SearchValues.Create("/?-._~!$&'()*+,;=:@|[]{}^`\\%0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>A registered name or IPv4 address, without the sub-delims and percent-encodings that no resolver takes.</summary>
    public static readonly SearchValues<byte> HostName =
        SearchValues.Create("-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    public static readonly SearchValues<byte> Ipv6 = SearchValues.Create(":.0123456789ABCDEFabcdef"u8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsBlank(byte value) => value is (byte)' ' or (byte)'\t';

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsDigit(byte value) => (uint)(value - '0') <= 9;

    /// <summary>0..15, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int HexDigit(byte value)
    {
        var digit = value - '0';
        if ((uint)digit <= 9) return digit;
        var letter = (value | 0x20) - 'a';
        return (uint)letter <= 5 ? letter + 10 : -1;
    }

    public static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> value)
    {
        while (value.Length > 0 && IsBlank(value[0])) value = value[1..];
        while (value.Length > 0 && IsBlank(value[^1])) value = value[..^1];
        return value;
    }

    public static bool IsToken(ReadOnlySpan<byte> value) => value.Length > 0 && !value.ContainsAnyExcept(Token);

    /// <summary>Digits only, at most 18 of them, so that a 64-bit signed number always holds it.</summary>
    public static bool TryParseDecimal(ReadOnlySpan<byte> digits, out long value)
    {
        value = 0;
        if (digits.Length is 0 or > 18) return false;
        foreach (var digit in digits)
        {
            if (!IsDigit(digit)) return false;
            value = (value * 10) + (digit - '0');
        }
        return true;
    }
}
