namespace SkyRiff.Caching.Membership;

/// <summary>What a <see cref="BloomMembership"/> knows and how large it may become.</summary>
public sealed record BloomMembershipOptions
{
    /// <summary>Names the set in Redis: a channel of that name carries what is added. 1 to 100 characters without braces.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// Everything that exists, read anew for every filter; must answer what was committed before it was called (so from primaries, not from lagging
    /// replicas). Keys are used before the next one is asked for.
    /// </summary>
    public required Func<CancellationToken, IAsyncEnumerable<ReadOnlyMemory<byte>>> ReadAll { get; init; }

    /// <summary>Keys for which the first filter is made, 1 to 1,000,000,000; a later one is made for twice of what there is.</summary>
    public long KeysExpected { get; init; } = 100_000;

    /// <summary>False positives up to the filter's capacity, 0.0001 to 0.5: 0.01 costs some 10.5 bits per key.</summary>
    public double Rate { get; init; } = 0.01;

    /// <summary>
    /// Memory of both filters together (the one that answers and the one being filled), 1 KiB to 2 GiB. A set too large for it is answered with more false positives,
    /// never with a false negative.
    /// </summary>
    public long BytesMax { get; init; } = 64 << 20;

    /// <summary>How often it is rebuilt, so that what was deleted is forgotten; 1 s to 7 days, jittered by a quarter.</summary>
    public TimeSpan RebuildInterval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// The longest time from announcing a key to the commit of its row, 0 to 10 min. A filter is fed this long before it is read from the source, so that what was
    /// announced earlier is committed by then. Who commits later than that must announce again.
    /// </summary>
    public TimeSpan WriteDurationMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A key that was announced longer than this ago is denied nowhere; 100 ms to 1 min. Four times in it the process makes sure that nothing is outstanding.</summary>
    public TimeSpan DenialAge { get; init; } = TimeSpan.FromSeconds(1);

    internal IEnumerable<string> Validate()
    {
        if (Name.Length is 0 or > 100 || Name.AsSpan().IndexOfAny('{', '}') >= 0)
            yield return $"{nameof(Name)} is {Name}; 1 to 100 characters without braces are possible.";
        if (KeysExpected is < 1 or > 1_000_000_000)
            yield return $"{nameof(KeysExpected)} is {KeysExpected}; 1 to 1000000000 are possible.";
        if (Rate is not (>= 0.0001 and <= 0.5))
            yield return $"{nameof(Rate)} is {Rate}; 0.0001 to 0.5 are possible.";
        if (BytesMax is < 1024 or > 2L << 30)
            yield return $"{nameof(BytesMax)} is {BytesMax}; 1 KiB to 2 GiB are possible.";
        if (RebuildInterval < TimeSpan.FromSeconds(1) || RebuildInterval > TimeSpan.FromDays(7))
            yield return $"{nameof(RebuildInterval)} is {RebuildInterval}; 1 s to 7 days are possible.";
        if (WriteDurationMax < TimeSpan.Zero || WriteDurationMax > TimeSpan.FromMinutes(10))
            yield return $"{nameof(WriteDurationMax)} is {WriteDurationMax}; 0 to 10 min are possible.";
        if (DenialAge < TimeSpan.FromMilliseconds(100) || DenialAge > TimeSpan.FromMinutes(1))
            yield return $"{nameof(DenialAge)} is {DenialAge}; 100 ms to 1 min are possible.";
    }
}

/// <summary>How a filter stands.</summary>
/// <param name="IsComplete">Whether it denies anything at all.</param>
/// <param name="Keys">Different keys in the filter that answers.</param>
/// <param name="Capacity">Keys up to which the stated rate holds.</param>
/// <param name="IsSaturated">It holds more: false positives are more than stated, until a larger one is built, or for good when the memory does not allow one.</param>
/// <param name="Rate">False positives with what is in it.</param>
/// <param name="Bytes">Of all filters there are now.</param>
public sealed record BloomMembershipStatus(bool IsComplete, long Keys, long Capacity, bool IsSaturated, double Rate, long Bytes);
