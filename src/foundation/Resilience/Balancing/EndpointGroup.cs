using SkyRiff.Resilience.Calls;
using SkyRiff.Resilience.Health;

namespace SkyRiff.Resilience.Balancing;

/// <summary>Who is in a group.</summary>
/// <param name="Id">Unique in the group.</param>
/// <param name="Weight">1 .. 1,000.</param>
public readonly record struct EndpointSpec(string Id, int Weight = 1);

/// <summary>How a group treats its endpoints.</summary>
public sealed record EndpointGroupOptions
{
    public ActiveHealthOptions ActiveHealth { get; init; } = new();

    public PassiveHealthOptions PassiveHealth { get; init; } = new();

    /// <summary>At most this share of the members is ejected at once, but one may always be; 0 .. 1, default one half.</summary>
    public double EjectedShareMax { get; init; } = 0.5;

    /// <summary>
    /// With a smaller share of available members than this, the group panics and uses all that are not draining: too few would only be crushed,
    /// and the probes may be what is wrong. 0 .. 1, default 0.2; with none available it always panics.
    /// </summary>
    public double PanicShare { get; init; } = 0.2;

    /// <summary>How long an endpoint that became available takes to reach its full weight; default 0, at once.</summary>
    public TimeSpan SlowStartDuration { get; init; } = TimeSpan.Zero;

    /// <summary>How fast a slow answer is forgotten; default 10 s.</summary>
    public TimeSpan LatencyDecay { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>A snapshot of a group that never changes.</summary>
public sealed class EndpointSet
{
    private readonly bool[] _mayServe;

    internal EndpointSet(Endpoint[] members, bool[] mayServe, bool isPanicking)
    {
        MembersArray = members;
        _mayServe = mayServe;
        IsPanicking = isPanicking;
        AvailableArray = [.. members.Where((_, index) => mayServe[index])];
    }

    /// <summary>Everybody, in order of id.</summary>
    public ReadOnlySpan<Endpoint> Members => MembersArray;

    /// <summary>Who gets calls, in order of id.</summary>
    public ReadOnlySpan<Endpoint> Available => AvailableArray;

    /// <summary>Too few are available, so all are used.</summary>
    public bool IsPanicking { get; }

    /// <summary>The same array for as long as the members and their weights are the same.</summary>
    internal Endpoint[] MembersArray { get; }

    internal Endpoint[] AvailableArray { get; }

    internal bool MayServe(int member) => _mayServe[member];
}

/// <summary>
/// Endpoints that do the same work, and which of them get calls. Everything that happens to them is told to the group, which answers with a new
/// <see cref="Current"/> when somebody's availability changed; reading that is free. Times are nanoseconds of a <see cref="MonotonicClock"/>.
/// Thread-safe.
/// </summary>
public sealed class EndpointGroup
{
    private readonly Lock _lock = new();
    private readonly EndpointGroupOptions _options;
    private Endpoint[] _members = [];
    private volatile EndpointSet _current = new([], [], isPanicking: false);
    private long _nextReturnAt = long.MaxValue;

    public EndpointGroup(EndpointGroupOptions options)
    {
        if (options.EjectedShareMax is not (>= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(options), options.EjectedShareMax, "EjectedShareMax is 0 to 1.");
        if (options.PanicShare is not (>= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(options), options.PanicShare, "PanicShare is 0 to 1.");
        if (options.LatencyDecay <= TimeSpan.Zero || options.SlowStartDuration < TimeSpan.Zero) throw new ArgumentOutOfRangeException(nameof(options), "LatencyDecay is positive and SlowStartDuration not negative.");
        _options = options;
    }

    /// <summary>The newest snapshot; see <see cref="At"/>.</summary>
    public EndpointSet Current => _current;

    /// <summary>The snapshot for <paramref name="now"/>: endpoints whose ejection is over have returned.</summary>
    public EndpointSet At(long now)
    {
        if (now >= Volatile.Read(ref _nextReturnAt))
        {
            lock (_lock)
            {
                if (now >= _nextReturnAt) PublishLocked(now);
            }
        }
        return _current;
    }

    /// <summary>
    /// Replaces the members. Who stays keeps what is known about it; who goes is answered, draining, with the calls that it still has.
    /// </summary>
    public IReadOnlyList<Endpoint> Update(IReadOnlyCollection<EndpointSpec> specs, long now)
    {
        foreach (var spec in specs)
        {
            if (spec.Weight is < 1 or > 1_000) throw new ArgumentOutOfRangeException(nameof(specs), spec.Weight, $"The weight of {spec.Id} is 1 to 1,000.");
        }
        lock (_lock)
        {
            if (_members.Length == specs.Count && specs.All(spec => Array.Exists(_members, member => member.Id == spec.Id && member.Weight == spec.Weight))) return [];
            var before = _members.ToDictionary(member => member.Id);
            var members = new List<Endpoint>(specs.Count);
            foreach (var spec in specs.OrderBy(spec => spec.Id, StringComparer.Ordinal))
            {
                if (members.Count > 0 && members[^1].Id == spec.Id) throw new ArgumentException($"{spec.Id} is there twice.", nameof(specs));
                if (before.Remove(spec.Id, out var known)) known.Reweigh(spec.Weight);
                members.Add(known ?? new Endpoint(spec.Id, spec.Weight, _options, now));
            }
            foreach (var gone in before.Values) gone.IsDraining = true;
            _members = [.. members];
            PublishLocked(now);
            return [.. before.Values];
        }
    }

    /// <summary>Takes an endpoint out of rotation, or back in; its calls go on.</summary>
    public bool TryDrain(string id, bool isDraining, long now)
    {
        lock (_lock)
        {
            if (Array.Find(_members, member => member.Id == id) is not { } endpoint) return false;
            if (endpoint.IsDraining && !isDraining) endpoint.BecomeAvailable(now);
            endpoint.IsDraining = isDraining;
            PublishLocked(now);
            return true;
        }
    }

    /// <summary>A call to the endpoint begins; <see cref="End"/> is owed.</summary>
    public static void Begin(Endpoint endpoint) => endpoint.Begin();

    /// <summary>A call ended after <paramref name="duration"/> nanoseconds.</summary>
    public void End(Endpoint endpoint, Verdict verdict, long duration, long now)
    {
        endpoint.End(verdict, duration, now);
        if (endpoint.Outliers.Report(verdict, now)) Eject(endpoint, now);
    }

    // Apart from End, whose every call would otherwise pay for the closure below.
    private void Eject(Endpoint endpoint, long now)
    {
        lock (_lock)
        {
            var ejected = _members.Count(member => member.Outliers.IsEjected(now));
            if (endpoint.Outliers.IsEjected(now) || ejected >= Math.Max(_members.Length > 1 ? 1 : 0, (int)(_members.Length * _options.EjectedShareMax))) return;
            endpoint.Outliers.Eject(now);
            PublishLocked(now);
        }
    }

    /// <summary>A probe ended.</summary>
    public void Probed(Endpoint endpoint, bool isGood, long now)
    {
        if (!endpoint.Probes.Report(isGood)) return;
        lock (_lock)
        {
            if (isGood) endpoint.Outliers.Return();
            PublishLocked(now);
        }
    }

    private void PublishLocked(long now)
    {
        var was = _current;
        var mayServe = new bool[_members.Length];
        var (available, candidates, next) = (0, 0, long.MaxValue);
        for (var i = 0; i < _members.Length; i++)
        {
            var member = _members[i];
            if (member.IsDraining) continue;
            candidates++;
            if (member.Outliers.IsEjected(now)) next = Math.Min(next, member.Outliers.EjectedUntil);
            else if (member.Probes.IsHealthy) mayServe[i] = true;
            if (mayServe[i]) available++;
        }
        var isPanicking = candidates > 0 && (available == 0 || available < candidates * _options.PanicShare);
        if (isPanicking)
        {
            for (var i = 0; i < _members.Length; i++) mayServe[i] = !_members[i].IsDraining;
        }
        var set = new EndpointSet(_members, mayServe, isPanicking);
        foreach (var endpoint in set.AvailableArray)
        {
            var index = Array.IndexOf(was.MembersArray, endpoint);
            if (index >= 0 && !was.MayServe(index)) endpoint.BecomeAvailable(now);
        }
        Volatile.Write(ref _nextReturnAt, next);
        _current = set;
    }
}
