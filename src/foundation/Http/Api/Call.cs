using System.Net;
using Microsoft.AspNetCore.Http;
using SkyRiff.Kernel.Idempotency;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>Everything about a call but its body: who, from where, with which route values and query.</summary>
public sealed class Call
{
    private readonly CursorSeal _cursors;
    private readonly ICallerVerifier _verifier;
    private readonly int _bodyBytesMax;
    private readonly BodyRoom? _bodyRoom;

    internal Call(HttpContext http, Caller? caller, IdempotencyKey? key, CursorSeal cursors, ICallerVerifier verifier, int bodyBytesMax, BodyRoom? bodyRoom)
    {
        (Http, MaybeCaller, MaybeKey) = (http, caller, key);
        (_cursors, _verifier, _bodyBytesMax, _bodyRoom) = (cursors, verifier, bodyBytesMax, bodyRoom);
    }

    /// <summary>For the few that set cookies or stream; everybody else leaves it alone.</summary>
    public HttpContext Http { get; }

    /// <summary>The caller, where the route is open and may be called without one.</summary>
    public Caller? MaybeCaller { get; }

    public Caller Caller => MaybeCaller ?? throw new InvalidOperationException("This route is open: it may have no caller.");

    internal IdempotencyKey? MaybeKey { get; }

    /// <summary>The caller's Idempotency-Key; only on routes that demand one.</summary>
    public IdempotencyKey Key => MaybeKey ?? throw new InvalidOperationException("This route does not take an Idempotency-Key.");

    /// <summary>For what takes long: whether the access token that opened the call would still open it (it runs out, its session ends, its user is banned).</summary>
    public async ValueTask<bool> IsStillSignedInAsync(CancellationToken cancellationToken) =>
        Bearer.Read(Http.Request) is { } token && (await _verifier.VerifyAsync(token, cancellationToken)).Succeeded;

    /// <summary>The body's bytes, on routes that take something else than JSON; refused past the route's limit, whether announced or only found out.</summary>
    public Task<Outcome<byte[]>> ReadBodyAsync(CancellationToken cancellationToken) => BodyReader.ReadBytesAsync(Http.Request, _bodyBytesMax, _bodyRoom, cancellationToken);

    /// <summary>The client's address, as far as trusted proxies tell it.</summary>
    public IPAddress Address => Http.Connection.RemoteIpAddress ?? IPAddress.None;

    /// <summary>A parameter of the path; empty where a catch-all one caught nothing.</summary>
    public string RouteText(string name) => Http.Request.RouteValues.TryGetValue(name, out var value) ? (string?)value ?? "" : throw new InvalidOperationException($"The route has no {{{name}}}.");

    /// <summary>An id from the path; what is no id is simply not there: 404.</summary>
    public Outcome<TId> RouteId<TId>(string name)
        where TId : struct, ITypedId<TId> =>
        TypedId.TryParse<TId>(RouteText(name), out var id) ? id : HttpProblems.NotFound.Because("No such id, or it is not yours to see.");

    /// <summary>The longest value of a query parameter, in characters.</summary>
    internal const int QueryLengthMax = 500;

    /// <summary>A parameter that the route takes in its query; null where it is absent or empty. One that cannot be used (repeated, too long) has been refused before.</summary>
    public string? Query(string name) => Http.Request.Query[name] is [{ Length: > 0 } value] ? value : null;

    /// <summary><c>limit</c> (1..100, default 20) and the opened <c>cursor</c> of a list that is called <paramref name="list"/>.</summary>
    public Outcome<Page> Page(string list)
    {
        var limit = 20;
        if (Http.Request.Query.TryGetValue("limit", out var text) && (!int.TryParse(text, System.Globalization.NumberStyles.None, null, out limit) || limit is < 1 or > 100))
        {
            return HttpProblems.Invalid.Because("limit is a whole number from 1 to 100.", [new FieldError("", "The query parameter limit is a whole number from 1 to 100.")]);
        }
        if (!Http.Request.Query.TryGetValue("cursor", out var cursor)) return new Page(limit, null);
        return cursor.Count == 1 && _cursors.Open(list, cursor[0] ?? "") is { } position
            ? new Page(limit, position)
            : HttpProblems.MalformedCursor.Because("Pass a nextCursor of this very list, unchanged, or none to begin at the top.");
    }

    /// <summary>Builds a list's reply; <paramref name="next"/> is the position after the last item, or null at the end.</summary>
    public ListReply<T> List<T>(string list, IReadOnlyList<T> items, string? next) => new(items, next is null ? null : _cursors.Seal(list, next));
}

/// <summary>One page asked for: how many, and after which position (in the list's own form).</summary>
public sealed record Page(int Limit, string? After);

public sealed record ListReply<T>(IReadOnlyList<T> Items, string? NextCursor);
