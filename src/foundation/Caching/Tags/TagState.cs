namespace SkyRiff.Caching.Tags;

/// <summary>
/// What this process knows of one tag: its generation, the tag clock's value when it was last invalidated. A value whose stamp (the tag clock before it
/// was read from the source) is smaller is too old. Unknown is the largest number, so that nothing passes but a detached entry.
/// </summary>
internal sealed class TagState(string name)
{
    public const long Unknown = long.MaxValue;

    private long _generation = Unknown;

    public string Name { get; } = name;

    public long Generation
    {
        get => Volatile.Read(ref _generation);
        set => Volatile.Write(ref _generation, value);
    }

    public bool IsKnown => Generation != Unknown;
}
