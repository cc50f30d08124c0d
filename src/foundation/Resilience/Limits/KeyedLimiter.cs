namespace SkyRiff.Resilience.Limits;

/// <summary>How large a <see cref="KeyedLimiter"/> may become.</summary>
public sealed record KeyedLimiterOptions
{
    /// <summary>
    /// How many keys have room before any is forgotten; 16 .. 100 million, default one million (tables are powers of two, so there may be
    /// room for two and a half times as many; <see cref="KeyedLimiter.BytesMax"/> is exact). A full table forgets the least important of eight
    /// keys (for a token bucket the one that is full soonest), so a flood of invented keys does not free a client that is far over its limit. A <see cref="ConcurrencyLimit"/> forgets nobody and refuses the newcomer.
    /// </summary>
    public int KeysMax { get; init; } = 1_000_000;
}

/// <summary>
/// One limit for very many keys, in memory. A decision takes one short lock of one of many shards and allocates nothing. Keys whose state says
/// nothing any more are forgotten without a timer of their own: newcomers take their places, and <see cref="Sweep"/> (called by a
/// <see cref="LimitSweeper"/>) gives the memory back. Thread-safe.
/// </summary>
public abstract class KeyedLimiter
{
    private protected KeyedLimiter()
    {
    }

    /// <summary>The most that one key can take at once.</summary>
    public abstract long Limit { get; }

    /// <summary>Keys that have a place now, idle ones that were not swept yet included.</summary>
    public abstract long Keys { get; }

    /// <summary>What the tables hold now, in bytes.</summary>
    public abstract long Bytes { get; }

    /// <summary>The most that <see cref="Bytes"/> can become, without the rings of an <see cref="ExactSlidingWindow"/>.</summary>
    public abstract long BytesMax { get; }

    /// <summary>Keys that were forgotten while their state still said something, because the table was full.</summary>
    public abstract long Evicted { get; }

    /// <summary>Takes <paramref name="cost"/> for <paramref name="key"/> if its limit allows it. A cost of zero only looks and remembers nothing.</summary>
    public abstract LimitDecision Take(LimitKey key, long cost, long now);

    /// <summary>Gives back what was taken but not used; for a <see cref="ConcurrencyLimit"/>, what is no longer held.</summary>
    public abstract void GiveBack(LimitKey key, long cost, long now);

    /// <summary>
    /// Forgets idle keys in the next <paramref name="shards"/> shards and shrinks their tables; at most a few tens of microseconds for each, under its lock.
    /// Answers how many keys were forgotten.
    /// </summary>
    public abstract int Sweep(long now, int shards);

    /// <summary>Into how many parts the keys are divided; as many steps of <see cref="Sweep"/> are a full turn.</summary>
    public abstract int Shards { get; }

    public static KeyedLimiter Of(TokenBucket rule, KeyedLimiterOptions options) => new KeyTable<TokenBucket, TokenBucketState>(rule, options);

    public static KeyedLimiter Of(SlidingWindow rule, KeyedLimiterOptions options) => new KeyTable<SlidingWindow, SlidingWindowState>(rule, options);

    public static KeyedLimiter Of(ExactSlidingWindow rule, KeyedLimiterOptions options) =>
        new KeyTable<ExactSlidingWindow, ExactSlidingWindowState>(rule, options);

    public static KeyedLimiter Of(ConcurrencyLimit rule, KeyedLimiterOptions options) => new KeyTable<ConcurrencyLimit, ConcurrencyState>(rule, options);
}
