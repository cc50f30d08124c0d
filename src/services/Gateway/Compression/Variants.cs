namespace SkyRiff.Gateway.Compression;

/// <summary>The compressed forms of one stored body.</summary>
internal sealed class Variants
{
    private byte[]? _brotli;
    private byte[]? _gzip;

    public int Bytes => (Volatile.Read(ref _brotli)?.Length ?? 0) + (Volatile.Read(ref _gzip)?.Length ?? 0);

    public byte[]? Of(Coding coding) => coding switch
    {
        Coding.Brotli => Volatile.Read(ref _brotli),
        Coding.Gzip => Volatile.Read(ref _gzip),
        _ => null,
    };

    /// <summary>False when somebody was faster.</summary>
    public bool TryAdd(Coding coding, ReadOnlySpan<byte> body) =>
        Of(coding) is null && Interlocked.CompareExchange(ref coding == Coding.Brotli ? ref _brotli : ref _gzip, body.ToArray(), null) is null;
}
