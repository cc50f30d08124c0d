using System.Buffers.Text;

namespace SkyRiff.Gateway.Http1;

/// <summary>
/// Writes a head into a buffer that somebody else owns. It never throws for lack of room: <see cref="Overflowed"/> tells, and what is
/// written then must not be sent.
/// </summary>
internal ref struct HeadWriter(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;

    public int Length { get; private set; }

    public bool Overflowed { get; private set; }

    public void Write(scoped ReadOnlySpan<byte> bytes)
    {
        if (bytes.TryCopyTo(_destination[Length..])) Length += bytes.Length;
        else Overflowed = true;
    }

    public void Write(byte value)
    {
        if (Length < _destination.Length) _destination[Length++] = value;
        else Overflowed = true;
    }

    public void WriteDecimal(long value)
    {
        if (Utf8Formatter.TryFormat(value, _destination[Length..], out var written)) Length += written;
        else Overflowed = true;
    }

    /// <summary>A chunk size: hexadecimal without leading zeros.</summary>
    public void WriteHex(int value)
    {
        if (Utf8Formatter.TryFormat(value, _destination[Length..], out var written, 'x')) Length += written;
        else Overflowed = true;
    }

    public void Field(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value)
    {
        var rest = _destination[Length..];
        var needed = name.Length + value.Length + 4;
        if (rest.Length < needed)
        {
            Overflowed = true;
            return;
        }
        name.CopyTo(rest);
        rest[name.Length] = (byte)':';
        rest[name.Length + 1] = (byte)' ';
        value.CopyTo(rest[(name.Length + 2)..]);
        rest[needed - 2] = (byte)'\r';
        rest[needed - 1] = (byte)'\n';
        Length += needed;
    }

    public void Field(scoped ReadOnlySpan<byte> name, long value)
    {
        Write(name);
        Write(": "u8);
        WriteDecimal(value);
        Write("\r\n"u8);
    }

    /// <summary>Every field that is forwarded as it came; those in <paramref name="ownFields"/> are left to the caller.</summary>
    public void ForwardedFields(MessageHead head, KnownFieldSet ownFields)
    {
        for (var i = 0; i < head.FieldCount; i++)
        {
            ref var field = ref head.Fields[i];
            if (field.Dropped || ownFields.Contains(field.Known)) continue;
            Field(head.NameAt(i), head.ValueAt(i));
        }
    }
}

/// <summary>A set of known fields in one word.</summary>
internal readonly struct KnownFieldSet(ulong bits)
{
    private readonly ulong _bits = bits & ~1UL; // None is never a member

    public bool Contains(KnownField field) => (_bits >> (int)field & 1) != 0;

    public KnownFieldSet With(KnownField field) => new(_bits | (1UL << (int)field));

    public static KnownFieldSet Of(params ReadOnlySpan<KnownField> fields)
    {
        var bits = 0UL;
        foreach (var field in fields) bits |= 1UL << (int)field;
        return new(bits);
    }
}
