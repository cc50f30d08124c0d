using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace SkyRiff.Gateway.Discovery;

/// <summary>The record types that discovery asks for or follows.</summary>
internal enum DnsType : ushort
{
    A = 1,
    Cname = 5,
    Aaaa = 28,
    Srv = 33,
}

/// <summary>One record; what it has depends on its type.</summary>
internal sealed record DnsRecord(string Name, DnsType Type, TimeSpan TimeToLive)
{
    public IPAddress Address { get; init; } = IPAddress.None;

    /// <summary>Of CNAME and SRV.</summary>
    public string Target { get; init; } = "";

    public int Priority { get; init; }

    public int Weight { get; init; }

    public int Port { get; init; }
}

/// <summary>What a server answered. <paramref name="Code"/>: 0 good, 3 no such name, others are the server's failures.</summary>
internal sealed record DnsReply(int Code, bool IsTruncated, IReadOnlyList<DnsRecord> Answers, IReadOnlyList<DnsRecord> Additional);

/// <summary>Questions and answers in the format of RFC 1035, and SRV of RFC 2782. Pure; an answer that breaks the format, or answers another question, is none.</summary>
internal static class DnsMessage
{
    public const int QuestionBytesMax = HeaderBytes + NameBytesMax + 4;

    private const int HeaderBytes = 12;
    private const int NameBytesMax = 255;
    private const int LabelBytesMax = 63;
    private const int PointersMax = 32;
    private const ushort ClassInternet = 1;

    /// <summary>What may be asked for: labels of letters, digits, dashes and underscores.</summary>
    public static bool IsName(string name)
    {
        var text = name.EndsWith('.') ? name[..^1] : name;
        return text.Length is > 0 and < NameBytesMax - 1
            && text.Split('.').All(label => label.Length is > 0 and <= LabelBytesMax && label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'));
    }

    /// <summary>Writes a question that asks the server to ask others; answers its length.</summary>
    public static int WriteQuestion(Span<byte> destination, ushort id, string name, DnsType type)
    {
        destination[..HeaderBytes].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(destination, id);
        destination[2] = 1; // recursion desired
        destination[5] = 1; // one question
        var at = HeaderBytes;
        foreach (var label in name.TrimEnd('.').Split('.'))
        {
            destination[at++] = (byte)label.Length;
            at += Encoding.ASCII.GetBytes(label, destination[at..]);
        }
        destination[at++] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(destination[at..], (ushort)type);
        BinaryPrimitives.WriteUInt16BigEndian(destination[(at + 2)..], ClassInternet);
        return at + 4;
    }

    /// <summary>Null when the message is not the answer to this question.</summary>
    public static DnsReply? TryRead(ReadOnlySpan<byte> message, ushort id, string name, DnsType type)
    {
        if (message.Length < HeaderBytes || BinaryPrimitives.ReadUInt16BigEndian(message) != id) return null;
        if ((message[2] & 0xF8) != 0x80 || Number(message, 4) != 1) return null; // a response to a standard query with one question
        var at = HeaderBytes;
        if (!TryName(message, ref at, out var asked) || !IsSame(asked, name) || at + 4 > message.Length) return null;
        if (Number(message, at) != (ushort)type || Number(message, at + 2) != ClassInternet) return null;
        at += 4;
        var answers = new List<DnsRecord>();
        var additional = new List<DnsRecord>();
        var isTruncated = (message[2] & 2) != 0;
        for (var section = 0; section < 3; section++)
        {
            for (var left = Number(message, 6 + (section * 2)); left > 0; left--)
            {
                if (!TryRecord(message, ref at, out var record)) return isTruncated ? new(message[3] & 15, true, [], []) : null;
                if (record is not null && section != 1) (section == 0 ? answers : additional).Add(record);
            }
        }
        return new(message[3] & 15, isTruncated, answers, additional);
    }

    public static bool IsSame(string one, string other) => one.TrimEnd('.').Equals(other.TrimEnd('.'), StringComparison.OrdinalIgnoreCase);

    /// <summary>True with null for a record of a kind that nobody here reads.</summary>
    private static bool TryRecord(ReadOnlySpan<byte> message, ref int at, out DnsRecord? record)
    {
        record = null;
        if (!TryName(message, ref at, out var name) || at + 10 > message.Length) return false;
        var (type, @class) = ((DnsType)Number(message, at), Number(message, at + 2));
        // A negative number is none (RFC 2181 section 8).
        var timeToLive = TimeSpan.FromSeconds(Math.Max(0, BinaryPrimitives.ReadInt32BigEndian(message[(at + 4)..])));
        var length = Number(message, at + 8);
        var data = at + 10;
        at = data + length;
        if (at > message.Length) return false;
        if (@class != ClassInternet) return true;
        switch (type)
        {
            case DnsType.A when length == 4:
            case DnsType.Aaaa when length == 16:
                record = new(name, type, timeToLive) { Address = new IPAddress(message.Slice(data, length)) };
                return true;
            case DnsType.Cname:
                if (!TryName(message, ref data, out var alias) || data != at) return false;
                record = new(name, type, timeToLive) { Target = alias };
                return true;
            case DnsType.Srv:
                if (length < 7) return false;
                var (priority, weight, port) = (Number(message, data), Number(message, data + 2), Number(message, data + 4));
                data += 6;
                if (!TryName(message, ref data, out var target) || data != at) return false;
                record = new(name, type, timeToLive) { Target = target, Priority = priority, Weight = weight, Port = port };
                return true;
            default:
                return type is not (DnsType.A or DnsType.Aaaa);
        }
    }

    /// <summary>A name, following pointers, which may only point back: so no message makes it run in circles.</summary>
    private static bool TryName(ReadOnlySpan<byte> message, ref int at, out string name)
    {
        name = "";
        var text = new StringBuilder();
        var (position, end, pointers, limit) = (at, -1, 0, at);
        while (true)
        {
            if (position >= message.Length) return false;
            var length = message[position];
            if (length == 0)
            {
                at = end < 0 ? position + 1 : end;
                name = text.ToString();
                return true;
            }
            if ((length & 0xC0) == 0xC0)
            {
                if (position + 2 > message.Length || ++pointers > PointersMax) return false;
                var target = Number(message, position) & 0x3FFF;
                if (end < 0) end = position + 2;
                if (target >= limit) return false;
                position = limit = target;
                continue;
            }
            if (length > LabelBytesMax || position + 1 + length > message.Length || text.Length + length + 1 > NameBytesMax) return false;
            if (text.Length > 0) text.Append('.');
            text.Append(Encoding.Latin1.GetString(message.Slice(position + 1, length)));
            position += 1 + length;
        }
    }

    private static int Number(ReadOnlySpan<byte> message, int at) => BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
}
