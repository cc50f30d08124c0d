using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace SkyRiff.Redis.Protocol;

/// <summary>
/// One encoded command (RESP array of bulk strings) in a buffer that its owner reuses. A payload of <see cref="PayloadBytesMin"/> or more is not
/// copied: it stays the caller's memory and is sent between <see cref="BeforePayload"/> and <see cref="AfterPayload"/>.
/// A mutable struct: keep it in a field and use it by reference.
/// </summary>
internal struct CommandBuffer()
{
    /// <summary>From this size on a payload is sent from the caller's memory, on a connection of its own.</summary>
    public const int PayloadBytesMin = 256 * 1024;

    private const int InitialBytes = 256;

    /// <summary>A buffer that grew beyond this is given back when its command is done.</summary>
    private const int RetainedBytesMax = 4096;

    private byte[] _bytes = new byte[InitialBytes];
    private int _length;
    private int _payloadAt;

    /// <summary>Hash slot of the first key, or -1; only kept when <see cref="HashesKeys"/>.</summary>
    public int Slot { get; private set; } = -1;

    public bool HashesKeys { get; set; }

    public ReadOnlyMemory<byte> Payload { get; private set; }

    public readonly bool HasPayload => !Payload.IsEmpty;

    public readonly int Length => _length;

    public readonly ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    public readonly ReadOnlyMemory<byte> BeforePayload => _bytes.AsMemory(0, _payloadAt);

    public readonly ReadOnlyMemory<byte> AfterPayload => _bytes.AsMemory(_payloadAt, _length - _payloadAt);

    public void Clear()
    {
        if (_bytes.Length > RetainedBytesMax)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = new byte[InitialBytes];
        }

        Payload = default;
        _length = _payloadAt = 0;
        Slot = -1;
    }

    /// <summary>Bytes that are RESP already, such as a command's constant head.</summary>
    public void Raw(ReadOnlySpan<byte> encoded)
    {
        encoded.CopyTo(Reserve(encoded.Length));
        _length += encoded.Length;
    }

    public void Head(int arguments) => Prefix((byte)'*', arguments);

    public void Head(int arguments, ReadOnlySpan<byte> name)
    {
        Head(arguments);
        Bulk(name);
    }

    public void Bulk(ReadOnlySpan<byte> value)
    {
        Prefix((byte)'$', value.Length);
        var room = Reserve(value.Length + 2);
        value.CopyTo(room);
        room[value.Length] = (byte)'\r';
        room[value.Length + 1] = (byte)'\n';
        _length += value.Length + 2;
    }

    public void Bulk(ReadOnlySpan<char> text)
    {
        var bytes = Encoding.UTF8.GetByteCount(text);
        Prefix((byte)'$', bytes);
        var room = Reserve(bytes + 2);
        Encoding.UTF8.GetBytes(text, room);
        room[bytes] = (byte)'\r';
        room[bytes + 1] = (byte)'\n';
        _length += bytes + 2;
    }

    public void Bulk(long number)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(number, digits, out var written);
        Bulk(digits[..written]);
    }

    /// <summary>Shortest text that reads back as the same double; infinities as Redis spells them.</summary>
    public void Bulk(double number)
    {
        Span<byte> digits = stackalloc byte[32];
        if (double.IsInfinity(number))
            Bulk(number > 0 ? "+inf"u8 : "-inf"u8);
        else if (number.TryFormat(digits, out var written, "R", CultureInfo.InvariantCulture))
            Bulk(digits[..written]);
    }

    public void Bulk(ReadOnlyMemory<byte> value)
    {
        if (value.Length < PayloadBytesMin || HasPayload)
        {
            Bulk(value.Span);
            return;
        }

        Prefix((byte)'$', value.Length);
        Payload = value;
        _payloadAt = _length;
        Raw("\r\n"u8);
    }

    public void Bulk(RedisArg value) => value.WriteTo(ref this);

    /// <summary>A key: also decides the slot when the command has none yet.</summary>
    public void Key(RedisKey key)
    {
        var before = _length;
        if (key.IsText)
            Bulk(key.Text);
        else
            Bulk(key.Bytes);

        if (HashesKeys && Slot < 0)
            Slot = Cluster.KeySlot.Of(PayloadOfBulkAt(before));
    }

    public void Key(RedisArg key)
    {
        var before = _length;
        Bulk(key);
        if (HashesKeys && Slot < 0 && !HasPayload)
            Slot = Cluster.KeySlot.Of(PayloadOfBulkAt(before));
    }

    /// <summary>Puts other bytes in place of the first <paramref name="count"/>; without a payload only.</summary>
    public void ReplaceStart(int count, ReadOnlySpan<byte> replacement)
    {
        Reserve(Math.Max(0, replacement.Length - count));
        _bytes.AsSpan(count, _length - count).CopyTo(_bytes.AsSpan(replacement.Length));
        replacement.CopyTo(_bytes);
        _length += replacement.Length - count;
    }

    private readonly ReadOnlySpan<byte> PayloadOfBulkAt(int start)
    {
        var bulk = _bytes.AsSpan(start, _length - start);
        return bulk[(bulk.IndexOf((byte)'\n') + 1)..^2];
    }

    private void Prefix(byte type, int number)
    {
        var room = Reserve(14);
        room[0] = type;
        if (number < 10)
        {
            room[1] = (byte)('0' + number);
            room[2] = (byte)'\r';
            room[3] = (byte)'\n';
            _length += 4;
            return;
        }

        Utf8Formatter.TryFormat(number, room[1..], out var written);
        room[written + 1] = (byte)'\r';
        room[written + 2] = (byte)'\n';
        _length += written + 3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<byte> Reserve(int count)
    {
        if (_bytes.Length - _length < count)
            Grow(count);
        return _bytes.AsSpan(_length);
    }

    private void Grow(int count)
    {
        var grown = ArrayPool<byte>.Shared.Rent(Math.Max(checked(_length + count), _bytes.Length * 2));
        _bytes.AsSpan(0, _length).CopyTo(grown);
        if (_bytes.Length > RetainedBytesMax)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = grown;
    }
}
