using System.Text;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.ResponseCache;

/// <summary>What is to be done with a request that the cache has looked at.</summary>
internal enum CacheStep
{
    /// <summary>To the upstream.</summary>
    Forward,

    /// <summary><see cref="CacheCall.Stored"/> answers.</summary>
    Serve,

    /// <summary>Another request fetches the same; see <see cref="CacheCall.Flight"/>.</summary>
    Wait,
}

/// <summary>
/// One request's way through the cache: from the look-up before it is forwarded to what is done with the upstream's response. Pure but for the store that it asks; both fronts
/// drive it. Whoever drives it owes <see cref="End"/>, once.
/// <code>
///   Begin --fresh--> Serve                                                                        --not shared--> Forward
///     |  \--stale, may be used--> Serve, and a refresh in the background                         /
///     |--missing or stale--> lead: Forward --response--> stored and forwarded | 304: Serve | error: Serve the stale one
///     \--somebody leads already--> Wait --woken--> Serve, or Forward by itself
/// </code>
/// </summary>
internal sealed partial class CacheCall
{
    /// <summary>How long nobody waits for an address whose response turned out to be one client's.</summary>
    private const long NotSharedNanoseconds = 10_000_000_000;

    /// <summary>Flights that a request waits for, one after the other: the first may have been for other fields, or have ended with its client.</summary>
    private const int WaitsMax = 3;

    private byte[] _key = new byte[256];
    private int _keyLength;
    private ulong _address;
    private ResponseStore _store = null!;
    private RouteCache? _route;
    private CacheDirectives _asked;
    private MethodKind _method;
    private bool _hasCredentials;
    private bool _isHttps;
    private bool _fills;
    private bool _mayWait;
    private bool _wasCollapsed;
    private int _waits;
    private bool _isServed;
    private bool _hidError;
    private Forwarded _why;
    private int _forwardStatus;
    private long _requestNanoseconds;
    private long _servedNanoseconds;
    private Flight? _led;
    private BodyCapture? _capture;
    private StoredResponse? _draft; // its body is still coming

    /// <summary>Why a request went to the upstream, in the words of RFC 9211.</summary>
    private enum Forwarded : byte
    {
        No,
        Bypass,
        Method,
        UriMiss,
        VaryMiss,
        Request,
        Stale,
    }

    public CacheStep Step { get; private set; }

    /// <summary>What answers, or what the request validates.</summary>
    public StoredResponse? Stored { get; private set; }

    /// <summary>Whom the request waits for.</summary>
    public Flight? Flight { get; private set; }

    public TimeSpan WaitMax => _route!.Config.WaitMax;

    public int WaitersMax => _route!.Config.WaitersMax;

    /// <summary>The address as stored responses know it: host in small letters, path and query as sent.</summary>
    public ReadOnlySpan<byte> Key => _key.AsSpan(0, _keyLength);

    /// <summary>The response will be stored when its body is whole.</summary>
    public BodyCapture? Capture => _capture;

    private CacheDirectives Asked => _asked;

    /// <summary>False when the cache has nothing to do with the request. A verdict with a status is then final: "only if cached", and it is not.</summary>
    public bool Begin(RequestHead head, ResponseStore store, EdgeVerdict verdict, long now)
    {
        Reset(store, head.Method, now);
        if (head.Method is MethodKind.Options) return false;
        _isHttps = verdict.IsHttps;
        if (head.Method is not (MethodKind.Get or MethodKind.Head))
        {
            // Of any route: what it changes may be stored for another.
            WriteKey(head.Authority, head.Path, head.HasQuery, head.Query);
            _why = Forwarded.Method;
            return true;
        }
        if (verdict.Route!.Cache is not { } route) return false;
        _route = route;
        _asked = route.Config.ObeysClients ? CacheDirectives.Of(head) : new CacheDirectives();
        _hasCredentials = verdict.Route.Config.Auth != AuthKind.None || head.Has(KnownField.Authorization) || head.Has(KnownField.XApiKey) || head.Has(KnownField.Cookie);
        if (head.Body != BodyKind.None || head.Upgrade || Asked.NoStore || Conditions.IsForChanges(head))
        {
            _why = Forwarded.Bypass;
            return true;
        }
        WriteKey(head.Authority, head.Path, head.HasQuery, head.Query);
        _address = store.AddressOf(Key);
        _mayWait = route.Config.Collapses;
        Look(head, verdict, now);
        return true;
    }

    /// <summary>A refresh in the background, which leads the flight that it was given.</summary>
    public void BeginRefresh(RefreshJob job, ResponseStore store, EdgeVerdict verdict, long now)
    {
        Reset(store, MethodKind.Get, now);
        _route = verdict.Route!.Cache;
        _isHttps = verdict.IsHttps;
        _hasCredentials = job.Flight.Key.HasCredentials;
        WriteKey(job.Request.Authority, job.Request.Path, job.Request.HasQuery, job.Request.Query);
        _address = store.AddressOf(Key);
        store.Find(_address, Key, _route!.Generation, job.Request, verdict, now, out var found);
        (Stored, _fills, _led, _why) = (found, true, job.Flight, Forwarded.Stale);
    }

    /// <summary>The flight is over, or was waited for long enough (<paramref name="gaveUp"/>: then it waits no more).</summary>
    public void LookAgain(RequestHead head, EdgeVerdict verdict, long now, bool gaveUp)
    {
        (_mayWait, Flight) = (!gaveUp && ++_waits < WaitsMax, null);
        Look(head, verdict, now);
        _wasCollapsed = Step == CacheStep.Serve;
    }

    /// <summary>Not to be forwarded after all (too many, circuit open, upstream gone): answers with what is there, if that may be.</summary>
    public bool TryHideError(long now)
    {
        if (Stored is null || _isServed || !Stored.Freshness.MayHideError(Asked, now)) return false;
        Serve(Stored, now);
        _hidError = true;
        LandFlight();
        return true;
    }

    /// <summary>Everything that is held goes back; safe to call again. What was not stored by now is not.</summary>
    public void End()
    {
        _capture?.GiveUp();
        _capture = null;
        _draft = null;
        LandFlight();
        Stored = null;
        Flight = null;
    }

    private void Look(RequestHead head, EdgeVerdict verdict, long now)
    {
        Step = CacheStep.Forward;
        Stored = null;
        var finding = _store.Find(_address, Key, _route!.Generation, head, verdict, now, out var found);
        if (found is not null && _hasCredentials && !found.IsForEverybody) (found, finding) = (null, Finding.OtherVariants);
        var reuse = found?.Freshness.Judge(Asked, now) ?? Reuse.Validate;
        if (found is not null && reuse != Reuse.Validate)
        {
            Serve(found, now);
            if (reuse == Reuse.WhileRevalidating) RefreshBehind(head, verdict);
            return;
        }
        if (Asked.OnlyIfCached)
        {
            verdict.Refuse(504, "gateway.only_if_cached", "There is no stored response that may be used.");
            _why = Forwarded.No;
            return;
        }
        _why = found is null ? finding == Finding.OtherVariants ? Forwarded.VaryMiss : Forwarded.UriMiss
            : found.Freshness.LeftAt(now) > 0 && !found.Freshness.AlwaysValidate ? Forwarded.Request : Forwarded.Stale;
        // A HEAD stores nothing, and a part of a body neither: such a request goes as it is.
        if (head.Method == MethodKind.Head || head.Has(KnownField.Range)) return;
        Stored = found;
        _fills = true;
        // Whoever wants it from the upstream, and what is validated every time, waits for nobody.
        if (finding == Finding.NotShared || Asked.NoCache || Asked.MaxAge == 0 || found is { Freshness.AlwaysValidate: true } || !_route.Config.Collapses) return;
        if (_store.TryLead(new FlightKey(_address, _route.Generation, _isHttps, _hasCredentials), out var flight))
        {
            _led = flight;
            return;
        }
        if (!_mayWait) return;
        Flight = flight;
        Step = CacheStep.Wait;
    }

    private void Serve(StoredResponse stored, long now)
    {
        (Stored, Step, _isServed, _servedNanoseconds) = (stored, CacheStep.Serve, true, now);
        _fills = false;
    }

    /// <summary>One refresh at a time, by the loop that does them; when there are too many, the next use tries again.</summary>
    private void RefreshBehind(RequestHead head, EdgeVerdict verdict)
    {
        // Its copy is what is sent: a request for a part, or for no body, would fill nothing.
        if (head.Method != MethodKind.Get || head.Has(KnownField.Range)) return;
        if (!_store.TryLead(new FlightKey(_address, _route!.Generation, _isHttps, _hasCredentials), out var flight)) return;
        if (!_store.Refreshes.TryAdd(new RefreshJob(CopyOf(head), verdict.Route!, verdict.Snapshot!, verdict.Client, verdict.IsHttps, verdict.Identity, flight))) _store.End(flight);
    }

    private static RequestHead CopyOf(RequestHead head)
    {
        // From the first byte of the request line; the method is where it begins.
        var bytes = head.Buffer.AsSpan(head.MethodStart, head.Length).ToArray();
        var copy = new RequestHead();
        RequestParser.Parse(bytes, 0, bytes.Length, HeadLimits.Default with { HeadBytesMax = ushort.MaxValue, TargetBytesMax = ushort.MaxValue, EncodedSlashAllowed = true }, copy);
        return copy;
    }

    private void LandFlight()
    {
        if (_led is not { } flight) return;
        _led = null;
        _store.End(flight);
    }

    private void Reset(ResponseStore store, MethodKind method, long now)
    {
        (_store, _method, _requestNanoseconds) = (store, method, now);
        _route = null;
        _asked = new CacheDirectives();
        _keyLength = 0;
        _hasCredentials = _fills = _mayWait = _wasCollapsed = _isServed = _hidError = false;
        _why = Forwarded.No;
        _forwardStatus = _waits = 0;
        (_led, _capture, _draft) = (null, null, null);
        (Step, Stored, Flight) = (CacheStep.Forward, null, null);
    }

    private void WriteKey(ReadOnlySpan<byte> authority, ReadOnlySpan<byte> path, bool hasQuery, ReadOnlySpan<byte> query)
    {
        var needed = authority.Length + path.Length + query.Length + 1;
        if (_key.Length < needed) _key = new byte[Math.Max(needed, _key.Length * 2)];
        Ascii.ToLower(authority, _key, out var length);
        path.CopyTo(_key.AsSpan(length));
        length += path.Length;
        if (hasQuery)
        {
            _key[length++] = (byte)'?';
            query.CopyTo(_key.AsSpan(length));
            length += query.Length;
        }
        _keyLength = length;
    }
}
