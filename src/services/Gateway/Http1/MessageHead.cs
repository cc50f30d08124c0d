using System.Text;

namespace SkyRiff.Gateway.Http1;

/// <summary>One field line as offsets into the buffer that holds the head.</summary>
internal struct Field
{
    public int NameStart;
    public int ValueStart;
    public ushort NameLength;
    public ushort ValueLength;
    public KnownField Known;

    /// <summary>True when the field is about this connection only, or was nominated by <c>Connection</c>: it is not forwarded.</summary>
    public bool Dropped;
}

internal enum BodyKind : byte
{
    None,
    Length,
    Chunked,

    /// <summary>Responses only: the body ends with the connection.</summary>
    UntilClose,
}

internal enum ParseStatus : byte
{
    Incomplete,
    Complete,
    Refused,
}

/// <summary>
/// What a head says, as offsets: reused for every message, so that reading one allocates nothing. It is valid as long as the bytes it was
/// read from stay where they are.
/// </summary>
internal abstract class MessageHead
{
    private const byte Absent = 255;
    private readonly byte[] _first = new byte[(int)KnownField.Count];

    protected MessageHead(int fieldCountMax) => Fields = new Field[fieldCountMax];

    public byte[] Buffer { get; private set; } = [];

    public Field[] Fields { get; }

    public int FieldCount { get; private set; }

    /// <summary>Bytes from the first of the head to the first after its empty line, counted from where parsing began.</summary>
    public int Length { get; set; }

    public Refusal Refusal { get; set; }

    public byte VersionMinor { get; set; }

    public BodyKind Body { get; set; }

    public long ContentLength { get; set; }

    /// <summary>Whether the sender lets the connection live after this message.</summary>
    public bool KeepAlive { get; set; }

    public bool Has(KnownField field) => _first[(int)field] != Absent;

    /// <summary>The first value of the field, or empty.</summary>
    public ReadOnlySpan<byte> Value(KnownField field)
    {
        var index = _first[(int)field];
        return index == Absent ? default : ValueAt(index);
    }

    public int IndexOf(KnownField field) => _first[(int)field] is var index && index == Absent ? -1 : index;

    public ReadOnlySpan<byte> NameAt(int index) => Buffer.AsSpan(Fields[index].NameStart, Fields[index].NameLength);

    public ReadOnlySpan<byte> ValueAt(int index) => Buffer.AsSpan(Fields[index].ValueStart, Fields[index].ValueLength);

    /// <summary>The first field of that name in any case, or false.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        var known = KnownFields.Find(name);
        if (known != KnownField.None)
        {
            value = Value(known);
            return Has(known);
        }
        for (var i = 0; i < FieldCount; i++)
        {
            ref var field = ref Fields[i];
            if (field.NameLength == name.Length && field.Known == KnownField.None && Ascii.EqualsIgnoreCase(NameAt(i), name))
            {
                value = ValueAt(i);
                return true;
            }
        }
        value = default;
        return false;
    }

    internal void Begin(byte[] buffer)
    {
        Buffer = buffer;
        FieldCount = 0;
        Length = 0;
        Refusal = Refusal.None;
        Body = BodyKind.None;
        ContentLength = 0;
        KeepAlive = false;
        _first.AsSpan().Fill(Absent);
    }

    internal void Add(Field field)
    {
        if (field.Known != KnownField.None && _first[(int)field.Known] == Absent) _first[(int)field.Known] = (byte)FieldCount;
        Fields[FieldCount++] = field;
    }
}
