namespace SkyRiff.Caching;

/// <summary>
/// Knows which keys can exist at the source, so that asking for what does not exist costs neither Redis nor the source. May err in one direction only: a false
/// <see cref="MayContain"/> is believed, and the key answered as absent.
/// </summary>
public interface IMembership<TKey>
    where TKey : notnull
{
    /// <summary>
    /// False only when the key is certainly not at the source. Is called on every look-up that the local tier cannot answer: must not wait, throw or allocate. Answers
    /// true while it does not know, as before it was first filled.
    /// </summary>
    bool MayContain(TKey key);
}
