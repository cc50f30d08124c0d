using System.Text;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Decisions;

/// <summary>
/// Finds the route of a request: a tree of path segments for each host, walked with the best rank first. The rank is the order of preference over
/// all routes: explicit order, exact host before wildcard before any, literal segments, conditions, place in the file.
/// </summary>
internal sealed class Router
{
    private readonly Route[] _byRank;
    private readonly ByteMap<Tree> _exactHosts;
    private readonly ByteMap<Tree> _wildcardHosts;
    private readonly Tree _anyHost;

    /// <summary><paramref name="routes"/> in order of rank.</summary>
    public Router(IReadOnlyList<Route> routes)
    {
        _byRank = [.. routes];
        var exact = new Dictionary<string, Tree>(StringComparer.OrdinalIgnoreCase);
        var wildcard = new Dictionary<string, Tree>(StringComparer.OrdinalIgnoreCase);
        _anyHost = new Tree();
        for (var rank = 0; rank < _byRank.Length; rank++)
        {
            var route = _byRank[rank];
            if (route.Hosts.Count == 0) _anyHost.Add(route.Path, rank);
            foreach (var host in route.Hosts)
            {
                var (trees, key) = host.StartsWith("*.", StringComparison.Ordinal) ? (wildcard, host[1..]) : (exact, host);
                if (!trees.TryGetValue(key, out var tree)) trees[key] = tree = new Tree();
                tree.Add(route.Path, rank);
            }
        }
        foreach (var tree in exact.Values.Concat(wildcard.Values).Append(_anyHost)) tree.Freeze();
        _exactHosts = new(exact, ignoreCase: true);
        _wildcardHosts = new(wildcard, ignoreCase: true);
    }

    public Route? Find(RequestHead head, ref PathCaptures captures)
    {
        var walk = new Walk { Path = head.Path, Best = int.MaxValue };
        var host = head.HostName;
        if (_exactHosts.Count > 0 && _exactHosts.Find(host) is { } exact) Descend(exact.Root, 1, 0, head, ref walk, ref captures);
        if (_wildcardHosts.Count > 0)
        {
            for (var dot = host.IndexOf((byte)'.'); dot >= 0;)
            {
                if (_wildcardHosts.Find(host[dot..]) is { } wildcard) Descend(wildcard.Root, 1, 0, head, ref walk, ref captures);
                var next = host[(dot + 1)..].IndexOf((byte)'.');
                dot = next < 0 ? -1 : dot + 1 + next;
            }
        }
        Descend(_anyHost.Root, 1, 0, head, ref walk, ref captures);
        return walk.Best == int.MaxValue ? null : _byRank[walk.Best];
    }

    /// <summary><paramref name="at"/> is where a segment begins; one past the end of the path means that there is none.</summary>
    private void Descend(Node node, int at, int parameters, RequestHead head, ref Walk walk, ref PathCaptures captures)
    {
        if (node.BestRank >= walk.Best) return;
        var path = walk.Path;
        if (at > path.Length)
        {
            Accept(node.Here, path.Length, parameters, head, ref walk, ref captures);
        }
        else
        {
            var rest = path[at..];
            var length = rest.IndexOf((byte)'/');
            if (length < 0) length = rest.Length;
            if (node.Literals?.Find(rest[..length]) is { } literal) Descend(literal, at + length + 1, parameters, head, ref walk, ref captures);
            if (node.Parameter is { } parameter && length > 0)
            {
                walk.Captured.Set(parameters, at, length);
                Descend(parameter, at + length + 1, parameters + 1, head, ref walk, ref captures);
            }
        }
        // The tail keeps its slash, so that a rewrite can put something before it.
        Accept(node.Below, Math.Min(at - 1, path.Length), parameters, head, ref walk, ref captures);
    }

    private void Accept(List<int> ranks, int tailStart, int parameters, RequestHead head, ref Walk walk, ref PathCaptures captures)
    {
        foreach (var rank in ranks)
        {
            if (rank >= walk.Best) return;
            if (!_byRank[rank].Conditions.Match(head)) continue;
            walk.Best = rank;
            captures = walk.Captured;
            captures.TailStart = tailStart;
            captures.TailLength = walk.Path.Length - tailStart;
            return;
        }
    }

    private ref struct Walk
    {
        public ReadOnlySpan<byte> Path;
        public int Best;
        public PathCaptures Captured;
    }

    private sealed class Tree
    {
        public Node Root { get; } = new();

        public void Add(PathTemplate path, int rank)
        {
            var node = Root;
            node.BestRank = Math.Min(node.BestRank, rank);
            foreach (var segment in path.Segments)
            {
                if (segment.Literal is null) node = node.Parameter ??= new Node();
                else if (node.Building.TryGetValue(segment.Literal, out var next)) node = next;
                else node = node.Building[segment.Literal] = new Node();
                node.BestRank = Math.Min(node.BestRank, rank);
            }
            (path.HasTail ? node.Below : node.Here).Add(rank);
        }

        public void Freeze() => Root.Freeze();
    }

    private sealed class Node
    {
        public Dictionary<string, Node> Building { get; } = new(StringComparer.Ordinal);

        public ByteMap<Node>? Literals { get; private set; }

        public Node? Parameter { get; set; }

        /// <summary>Ranks of routes that end here, best first.</summary>
        public List<int> Here { get; } = [];

        /// <summary>Ranks of routes with a tail from here.</summary>
        public List<int> Below { get; } = [];

        public int BestRank { get; set; } = int.MaxValue;

        public void Freeze()
        {
            if (Building.Count > 0) Literals = new(Building, ignoreCase: false);
            foreach (var child in Building.Values) child.Freeze();
            Parameter?.Freeze();
        }
    }
}

/// <summary>What a route asks of a request besides host and path.</summary>
internal sealed class RouteConditions(IReadOnlyList<string> methods, IReadOnlyList<KeyValuePair<string, string>> headers, IReadOnlyList<KeyValuePair<string, string>> query)
{
    private readonly byte[][] _methods = [.. methods.Select(Encoding.ASCII.GetBytes)];
    private readonly (byte[] Name, byte[]? Value)[] _headers = Compile(headers);
    private readonly (byte[] Name, byte[]? Value)[] _query = Compile(query);

    public int Count => (_methods.Length > 0 ? 1 : 0) + _headers.Length + _query.Length;

    public bool Match(RequestHead head)
    {
        if (Count == 0) return true;
        if (_methods.Length > 0 && !MatchMethod(head.MethodName)) return false;
        foreach (var (name, value) in _headers)
        {
            if (!head.TryGet(name, out var found) || (value is not null && !found.SequenceEqual(value))) return false;
        }
        foreach (var (name, value) in _query)
        {
            if (!QueryString.TryGet(head.Query, name, out var found) || (value is not null && !found.SequenceEqual(value))) return false;
        }
        return true;
    }

    private static (byte[] Name, byte[]? Value)[] Compile(IEnumerable<KeyValuePair<string, string>> pairs) =>
        [.. pairs.Select(p => (Encoding.ASCII.GetBytes(p.Key), p.Value == "*" ? null : Encoding.ASCII.GetBytes(p.Value)))];

    private bool MatchMethod(ReadOnlySpan<byte> method)
    {
        foreach (var allowed in _methods)
        {
            if (method.SequenceEqual(allowed)) return true;
        }
        return false;
    }
}

/// <summary>Parameters of a query as they were sent, without decoding.</summary>
internal static class QueryString
{
    public static bool TryGet(ReadOnlySpan<byte> query, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        while (query.Length > 0)
        {
            var end = query.IndexOf((byte)'&');
            var pair = end < 0 ? query : query[..end];
            query = end < 0 ? default : query[(end + 1)..];
            var equals = pair.IndexOf((byte)'=');
            if (!(equals < 0 ? pair : pair[..equals]).SequenceEqual(name)) continue;
            value = equals < 0 ? default : pair[(equals + 1)..];
            return true;
        }
        value = default;
        return false;
    }
}

/// <summary>Values of a Cookie field.</summary>
internal static class Cookies
{
    public static bool TryGet(RequestHead head, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        for (var i = head.IndexOf(KnownField.Cookie); i >= 0 && i < head.FieldCount; i++)
        {
            if (head.Fields[i].Known != KnownField.Cookie) continue;
            var rest = head.ValueAt(i);
            while (rest.Length > 0)
            {
                var end = rest.IndexOf((byte)';');
                var pair = HttpBytes.Trim(end < 0 ? rest : rest[..end]);
                rest = end < 0 ? default : rest[(end + 1)..];
                if (pair.Length <= name.Length || pair[name.Length] != '=' || !pair[..name.Length].SequenceEqual(name)) continue;
                value = pair[(name.Length + 1)..];
                return true;
            }
        }
        value = default;
        return false;
    }
}
