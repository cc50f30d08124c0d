namespace SkyRiff.Caching.Local;

/// <summary>In which queue of the policy an entry is.</summary>
internal enum EntryQueueName : byte
{
    /// <summary>Not in the policy (yet, or any more).</summary>
    None,

    /// <summary>Newcomers, in order of arrival.</summary>
    Window,

    /// <summary>What proved its worth.</summary>
    Main,
}

/// <summary>
/// One cached value as the policy and the timer wheel see it: a node of their intrusive lists. All fields but <see cref="Touches"/> belong to whoever
/// holds the tier's lock.
/// </summary>
internal abstract class LocalEntry
{
    /// <summary>More touches than this between two looks of the policy change nothing; then a hit does not even write.</summary>
    public const byte TouchesMax = 15;

    /// <summary>Hits since the policy last looked. Written without a lock: a lost update costs one hit's worth of popularity.</summary>
    public byte Touches;

    protected LocalEntry(ulong hash, int weight)
    {
        Hash = hash;
        Weight = weight;
    }

    /// <summary>Of the key and its family, well mixed.</summary>
    public ulong Hash { get; }

    /// <summary>What it counts for, in bytes, overhead included.</summary>
    public int Weight { get; }

    public EntryQueueName Queue { get; set; }

    public LocalEntry? QueuePrevious { get; set; }

    public LocalEntry? QueueNext { get; set; }

    public LocalEntry? WheelPrevious { get; set; }

    public LocalEntry? WheelNext { get; set; }

    /// <summary>-1 when it is not in the wheel.</summary>
    public int WheelSlot { get; set; } = -1;

    /// <summary>When it is of no use to anyone any more, in the tier's milliseconds.</summary>
    public long DeadAt { get; set; }

    /// <summary>It left; if that was before it came in, it must not come.</summary>
    public bool IsGone { get; set; }

    /// <summary>Takes it out of its family's table, if it is still there.</summary>
    public abstract void Unlist();

    public void Touch()
    {
        if (Touches < TouchesMax)
            Touches++;
    }
}
