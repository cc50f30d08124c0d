using System.Buffers.Text;
using System.Threading.Channels;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Telemetry;

/// <summary>One request that is over, as the log tells it. The query is left out: it is where tokens and names are.</summary>
internal readonly ref struct AccessRecord
{
    public required EdgeVerdict Verdict { get; init; }

    public ReadOnlySpan<byte> Method { get; init; }

    public ReadOnlySpan<byte> Host { get; init; }

    public ReadOnlySpan<byte> Path { get; init; }

    public int Status { get; init; }

    public long Nanoseconds { get; init; }

    public long BytesIn { get; init; }

    public long BytesOut { get; init; }

    public int Attempts { get; init; }
}

/// <summary>
/// The access log: JSON lines, written by a background loop. Lanes fill buffers of their own and hand them over whole; when the disk is slower than the
/// traffic, buffers are dropped and counted, and no request waits.
/// </summary>
internal sealed class AccessLog : IAsyncDisposable
{
    public const int BufferBytes = 64 * 1024;
    private const int QueueMax = 64;

    private readonly Channel<(byte[] Buffer, int Length)> _full =
        Channel.CreateBounded<(byte[], int)>(new BoundedChannelOptions(QueueMax) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly System.Collections.Concurrent.ConcurrentBag<byte[]> _empty = [];
    private readonly Task _writing;
    private long _dropped;

    public AccessLog(string path, double sample)
    {
        Sample = sample;
        _writing = WriteAsync(path);
    }

    /// <summary>The share of good requests that are written; see <see cref="Takes"/>.</summary>
    public double Sample { get; }

    /// <summary>Lines' buffers that were thrown away because the disk did not keep up.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Failures always, others by the trace id, so that all processes sample the same requests.</summary>
    public bool Takes(int status, TraceContext trace) => Sample >= 1 || status is >= 400 or 0 || (trace.TraceLow & 0xFFFFFF) < Sample * 0x1000000;

    public byte[] Rent() => _empty.TryTake(out var buffer) ? buffer : new byte[BufferBytes];

    public void HandOver(byte[] buffer, int length)
    {
        if (_full.Writer.TryWrite((buffer, length))) return;
        Interlocked.Increment(ref _dropped);
        _empty.Add(buffer);
    }

    public async ValueTask DisposeAsync()
    {
        _full.Writer.TryComplete();
        await _writing;
    }

    private async Task WriteAsync(string path)
    {
        await using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0, FileOptions.Asynchronous);
        await foreach (var (buffer, length) in _full.Reader.ReadAllAsync())
        {
            try
            {
                await file.WriteAsync(buffer.AsMemory(0, length));
            }
            catch (IOException)
            {
                Interlocked.Increment(ref _dropped); // a full disk costs lines, never requests
            }
            _empty.Add(buffer);
        }
    }
}

/// <summary>One lane's end of the log.</summary>
internal sealed class AccessLogLane(AccessLog log)
{
    private const int LineBytesMax = 12 * 1024;

    private byte[]? _buffer;
    private int _length;
    private long _second = -1;
    private readonly byte[] _time = new byte[19];

    public AccessLog Log => log;

    public void Write(in AccessRecord record, long unixSeconds)
    {
        if (!log.Takes(record.Status, record.Verdict.Trace)) return;
        if (_buffer is not null && _buffer.Length - _length < LineBytesMax) Flush();
        _buffer ??= log.Rent();
        if (_second != unixSeconds) StampSecond(unixSeconds);
        var writer = new HeadWriter(_buffer.AsSpan(_length));
        WriteLine(ref writer, record);
        if (!writer.Overflowed) _length += writer.Length;
    }

    public void Flush()
    {
        if (_buffer is null) return;
        log.HandOver(_buffer, _length);
        _buffer = null;
        _length = 0;
    }

    private void WriteLine(ref HeadWriter writer, in AccessRecord record)
    {
        var verdict = record.Verdict;
        Span<byte> text = stackalloc byte[64];
        writer.Write("{\"time\":\""u8);
        writer.Write(_time);
        writer.Write("Z\",\"client\":\""u8);
        writer.Write(text[..verdict.Client.Format(text)]);
        writer.Write("\",\"method\":\""u8);
        writer.Write(record.Method);
        writer.Write("\",\"host\":\""u8);
        writer.Write(record.Host);
        writer.Write("\",\"path\":\""u8);
        writer.Write(record.Path);
        writer.Write("\",\"status\":"u8);
        writer.WriteDecimal(record.Status);
        writer.Write(",\"us\":"u8);
        writer.WriteDecimal(record.Nanoseconds / 1000);
        writer.Write(",\"in\":"u8);
        writer.WriteDecimal(record.BytesIn);
        writer.Write(",\"out\":"u8);
        writer.WriteDecimal(record.BytesOut);
        if (verdict.Route is { } route)
        {
            writer.Write(",\"route\":\""u8);
            writer.Write(route.NameBytes);
            writer.Write((byte)'"');
        }
        if (verdict.Target is { } target)
        {
            writer.Write(",\"target\":\""u8);
            writer.Write(target.NameBytes);
            writer.Write("\",\"attempts\":"u8);
            writer.WriteDecimal(record.Attempts);
        }
        if (verdict.Identity is not null)
        {
            writer.Write(",\"user\":\""u8);
            foreach (var value in verdict.User)
            {
                if (value is (byte)'"' or (byte)'\\') writer.Write((byte)'\\');
                writer.Write(value);
            }
            writer.Write((byte)'"');
        }
        if (verdict.Status != 0)
        {
            writer.Write(",\"code\":\""u8);
            foreach (var letter in verdict.Code) writer.Write((byte)letter);
            writer.Write((byte)'"');
        }
        verdict.Trace.FormatTraceId(text);
        writer.Write(",\"request_id\":\""u8);
        writer.Write(text[..TraceContext.TraceIdBytes]);
        writer.Write("\"}\n"u8);
    }

    private void StampSecond(long unixSeconds)
    {
        _second = unixSeconds;
        Span<byte> text = stackalloc byte[33];
        Utf8Formatter.TryFormat(DateTimeOffset.FromUnixTimeSeconds(unixSeconds), text, out _, 'O');
        text[..19].CopyTo(_time);
    }
}
