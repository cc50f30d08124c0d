using System.Collections.Concurrent;
using System.Text;

namespace SkyRiff.Caching.Tags;

/// <summary>
/// The tags that this process has met, and the tag clock. In Redis all of them share a slot, so one script reads or moves several together:
/// <code>
///   cache:{tags}:birth   when the board began: the generation of a tag that was never invalidated, so that a lost board makes all before it too old
///   cache:{tags}:clock   the last generation given; a value's stamp is what it was before the value was read from the source
///   cache:{tags}:f:NAME  generation of a family       cache:{tags}:u:TAG   of a tag
/// </code>
/// Generations are the server's microseconds, pushed up where needed, so they go on rising when Redis has lost everything. Without Redis they are counted here.
/// </summary>
internal sealed class TagBoard(string prefix, bool isShared)
{
    /// <summary>When more tags are met, all are forgotten and met anew; entries that hold a forgotten one are read again.</summary>
    private const int StatesMax = 65_536;

    private const int NameCharsMax = 256;

    private readonly ConcurrentDictionary<string, TagState> _states = new();
    private readonly ConcurrentDictionary<string, TagState> _families = new();
    private readonly Lock _moving = new();
    private int _count;

    /// <summary>Its generation is the clock itself.</summary>
    public TagState Clock { get; } = Begin("clock", isShared ? TagState.Unknown : 0);

    public IEnumerable<string> FamilyNames => _families.Keys;

    public static string Prefix(string prefix) => prefix + ":{tags}:";

    public string KeyOf(string name) => Prefix(prefix) + name;

    public TagState Family(string name) => _families.GetOrAdd("f:" + name, Born);

    public TagState Of(string tag)
    {
        if (tag.Length is 0 or > NameCharsMax)
            throw new ArgumentException($"A tag has 1 to {NameCharsMax} characters.", nameof(tag));
        var name = "u:" + tag;
        if (_states.TryGetValue(name, out var state))
            return state;
        if (Interlocked.Increment(ref _count) > StatesMax)
        {
            Interlocked.Exchange(ref _count, 0);
            foreach (var (met, old) in _states)
            {
                if (_states.TryRemove(met, out _))
                    old.Forget();
            }
        }

        return _states.GetOrAdd(name, Born);
    }

    public TagState[]? Of(IReadOnlyList<string> tags)
    {
        if (tags.Count == 0)
            return null;
        var states = new TagState[tags.Count];
        for (var index = 0; index < states.Length; index++)
            states[index] = Of(tags[index]);
        return states;
    }

    /// <summary>Redis tells that this key of the board was written.</summary>
    public void Forget(ReadOnlySpan<byte> name)
    {
        if (name.SequenceEqual("clock"u8))
        {
            Clock.Forget();
            return;
        }

        if (name.SequenceEqual("birth"u8) || name.Length > NameCharsMax * 3)
        {
            ForgetAll();
            return;
        }

        Span<char> text = stackalloc char[name.Length];
        text = text[..Encoding.UTF8.GetChars(name, text)];
        if (_states.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out var state) || _families.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out state))
            state.Forget();
    }

    public void ForgetAll()
    {
        Clock.Forget();
        foreach (var (_, state) in _families)
            state.Forget();
        foreach (var (_, state) in _states)
            state.Forget();
    }

    /// <summary>Without Redis: everything with this tag that was read before now is too old.</summary>
    public void MoveLocally(TagState state)
    {
        lock (_moving)
        {
            var generation = Clock.Generation + 1;
            Clock.TryLearn(generation, Clock.Forgettings);
            state.TryLearn(generation, state.Forgettings);
        }
    }

    /// <summary>Without Redis one that is met (again) begins now: whatever was read before it may have had it.</summary>
    private TagState Born(string name) => Begin(name, isShared ? TagState.Unknown : Clock.Generation);

    private static TagState Begin(string name, long generation)
    {
        var state = new TagState(name);
        state.TryLearn(generation, state.Forgettings);
        return state;
    }
}
