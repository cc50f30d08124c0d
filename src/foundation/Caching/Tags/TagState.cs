namespace SkyRiff.Caching.Tags;

/// <summary>
/// What this process knows of one tag: its generation, the tag clock's value when it was last invalidated. A value whose stamp (the tag clock before it
/// was read from the source) is smaller is too old. Unknown is the largest number, so that nothing passes but what does not look at tags.
/// </summary>
internal sealed class TagState(string name)
{
    public const long Unknown = long.MaxValue;

    private readonly Lock _lock = new();
    private long _generation = Unknown;
    private int _forgettings;

    public string Name { get; } = name;

    public long Generation => Volatile.Read(ref _generation);

    public bool IsKnown => Generation != Unknown;

    /// <summary>Taken before the generation is asked for, and handed to <see cref="TryLearn"/> with the answer.</summary>
    public int Forgettings => Volatile.Read(ref _forgettings);

    /// <summary>Takes the answer, unless the tag was invalidated since it was asked for.</summary>
    public bool TryLearn(long generation, int forgettings)
    {
        lock (_lock)
        {
            if (_forgettings != forgettings)
                return false;
            Volatile.Write(ref _generation, generation);
            return true;
        }
    }

    public void Forget()
    {
        lock (_lock)
        {
            _forgettings++;
            Volatile.Write(ref _generation, Unknown);
        }
    }
}
