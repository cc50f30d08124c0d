namespace SkyRiff.Foundation.Tests.Objects;

/// <summary>A stream that never ends, as a provider's answer may be.</summary>
internal sealed class EndlessStream : MemoryStream
{
    private int _reads;

    public Action<int> OnRead { get; init; } = _ => { };

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        OnRead(++_reads);
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(buffer.Length);
    }
}

/// <summary>A stream that gives some bytes and then fails with an error that is not the store's.</summary>
internal sealed class BreakingStream : MemoryStream
{
    private bool _given;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_given) throw new TimeoutException("The sender went away.");
        _given = true;
        return ValueTask.FromResult(buffer.Length / 2);
    }
}
