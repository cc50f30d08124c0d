using System.Buffers.Text;
using System.Text;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Http1;
using SkyRiff.Resilience.Hashing;

namespace SkyRiff.Gateway.Decisions;

/// <summary>
/// Divides users among arms. The arm is a hash of the experiment's name and the user, so it is the same in every gateway and after every restart, and being in
/// one experiment says nothing about another. Who is not signed in is known by a cookie, which is a number drawn once.
/// </summary>
internal sealed class Experiment
{
    private const int SubjectDigits = 16;

    private readonly byte[] _header;
    private readonly ulong _nameHash;
    private readonly ulong _total;
    private readonly (ulong Below, byte[] Field)[] _arms;

    public Experiment(ExperimentConfig config)
    {
        Config = config;
        _header = Encoding.ASCII.GetBytes(config.Header);
        _nameHash = SipHash.Stable.Hash(Encoding.ASCII.GetBytes(config.Name));
        _arms = new (ulong, byte[])[config.Arms.Count];
        for (var i = 0; i < _arms.Length; i++)
        {
            _total += (ulong)config.Arms[i].Weight;
            _arms[i] = (_total, Encoding.ASCII.GetBytes($"{config.Header}: {config.Arms[i].Name}\r\n"));
        }
    }

    public ExperimentConfig Config { get; }

    /// <summary>The header line that tells the upstream the subject's arm.</summary>
    public ReadOnlySpan<byte> FieldFor(ulong subject)
    {
        var point = (ulong)(((UInt128)SipHash.Stable.Hash(_nameHash, subject) * _total) >> 64);
        foreach (var (below, field) in _arms)
        {
            if (point < below) return field;
        }
        return _arms[^1].Field;
    }

    /// <summary>What a client sends under an experiment's header is not the assignment.</summary>
    public static bool AnyOwns(Experiment[] experiments, ReadOnlySpan<byte> name)
    {
        foreach (var experiment in experiments)
        {
            if (name.Length == experiment._header.Length && Ascii.EqualsIgnoreCase(name, experiment._header)) return true;
        }
        return false;
    }

    public static void Assign(RequestHead head, EdgeVerdict verdict)
    {
        if (verdict.Identity is { } identity)
        {
            verdict.Subject = identity.Hash;
            return;
        }
        if (Cookies.TryGet(head, verdict.Snapshot!.ExperimentCookie, out var cookie) && cookie.Length == SubjectDigits
            && Utf8Parser.TryParse(cookie, out ulong known, out var consumed, 'x') && consumed == SubjectDigits)
        {
            verdict.Subject = known;
            return;
        }
        // The request's own id is as good a draw as any: whoever sends a trace id to choose his arm could as well send a cookie.
        verdict.Subject = SipHash.Stable.Hash(verdict.Trace.TraceHigh, verdict.Trace.TraceLow);
        verdict.SetSubject = true;
    }

    public static void WriteCookie(ref HeadWriter writer, EdgeVerdict verdict)
    {
        Span<byte> digits = stackalloc byte[SubjectDigits];
        Utf8Formatter.TryFormat(verdict.Subject, digits, out _, new('x', SubjectDigits));
        writer.Write("Set-Cookie: "u8);
        writer.Write(verdict.Snapshot!.ExperimentCookie);
        writer.Write((byte)'=');
        writer.Write(digits);
        writer.Write("; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"u8);
        writer.Write(verdict.IsHttps ? "; Secure\r\n"u8 : "\r\n"u8);
    }
}
