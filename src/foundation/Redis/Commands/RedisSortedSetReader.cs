using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis;

/// <summary>Walks members with scores in the RESP2 shape (flat) and the RESP3 shape (arrays of two).</summary>
public ref struct RedisSortedSetReader(RespElement members)
{
    private RespElement.Enumerator _children = members.GetEnumerator();

    /// <summary>The current member; a view into the reply.</summary>
    public ReadOnlySpan<byte> Member { get; private set; }

    /// <summary>The score of the current member.</summary>
    public double Score { get; private set; }

    /// <summary>Goes to the next member; false after the last.</summary>
    public bool MoveNext()
    {
        if (!_children.MoveNext())
            return false;

        var first = _children.Current;
        if (first.IsAggregate)
        {
            var pair = first.GetEnumerator();
            pair.MoveNext();
            Member = pair.Current.Bytes;
            pair.MoveNext();
            Score = pair.Current.Double;
            return true;
        }

        Member = first.Bytes;
        _children.MoveNext();
        Score = _children.Current.Double;
        return true;
    }
}
