using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SkyRiff.Kernel.Idempotency;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>
/// Where modules declare their routes. A call goes through the same steps everywhere:
/// <list type="number">
/// <item>who: the access token, unless the route is anonymous (401);</item>
/// <item>the Idempotency-Key, where the route demands one (400);</item>
/// <item>the body: type (415), size (413), room where it is large (429, 503), syntax (400), form (422);</item>
/// <item>room, where the process bounds how much runs at a time (503);</item>
/// <item>the use case; its reply as JSON, or its refusal as a problem document.</item>
/// </list>
/// </summary>
public sealed class ApiRoutes(IEndpointRouteBuilder endpoints, List<ApiRoute> declared)
{
    public const string Prefix = "/api/v1";

    /// <summary>
    /// How far the server's own limit lies above a route's. Reading stops at the route's, but what the client goes on sending must be read away for some time, or it
    /// would meet a closed connection instead of the answer; and in a chunked body Kestrel counts the framing too.
    /// </summary>
    private const long ExcessBytesMax = 32 << 20;

    private const int AfterAllRoutes = 1;

    private readonly ICallerVerifier _verifier = endpoints.ServiceProvider.GetRequiredService<ICallerVerifier>();
    private readonly CursorSeal _cursors = endpoints.ServiceProvider.GetRequiredService<CursorSeal>();
    private readonly ICallGate? _gate = endpoints.ServiceProvider.GetService<ICallGate>();
    private readonly LargeBodies _largeBodies = new();

    /// <summary>Every route so far, of all modules.</summary>
    public IReadOnlyList<ApiRoute> Declared => declared;

    /// <summary>A singleton of the module's own, for raw routes.</summary>
    public T Service<T>()
        where T : notnull => endpoints.ServiceProvider.GetRequiredService<T>();

    public ApiRoute Get<TUseCase, TReply>(string path)
        where TUseCase : class, IUseCase<TReply> => Bodyless<TUseCase, TReply>("GET", path);

    public ApiRoute Delete<TUseCase, TReply>(string path)
        where TUseCase : class, IUseCase<TReply> => Bodyless<TUseCase, TReply>("DELETE", path);

    /// <summary>PUT without a body, for what is either there or not (a like, a follow).</summary>
    public ApiRoute Put<TUseCase, TReply>(string path)
        where TUseCase : class, IUseCase<TReply> => Bodyless<TUseCase, TReply>("PUT", path);

    /// <summary>POST without a body.</summary>
    public ApiRoute Post<TUseCase, TReply>(string path)
        where TUseCase : class, IUseCase<TReply> => Bodyless<TUseCase, TReply>("POST", path);

    public ApiRoute Post<TUseCase, TRequest, TReply>(string path)
        where TUseCase : class, IUseCase<TRequest, TReply>
        where TRequest : class => WithBody<TUseCase, TRequest, TReply>("POST", path);

    public ApiRoute Patch<TUseCase, TRequest, TReply>(string path)
        where TUseCase : class, IUseCase<TRequest, TReply>
        where TRequest : class => WithBody<TUseCase, TRequest, TReply>("PATCH", path);

    /// <summary>For replies that are streams and for bodies that are not JSON: authenticated like the others, otherwise on its own.</summary>
    public ApiRoute Raw(string method, string path, Func<Call, CancellationToken, Task> handle, bool underPrefix = true)
    {
        var route = Declare(new ApiRoute(method, underPrefix ? Prefix + path : path) { IsRaw = true }, typeof(Done));
        Map(route, (call, _) => HandleRawAsync(call, handle));
        return route;
    }

    /// <summary>
    /// Answers 405 for every other method on the paths that were declared. Comes last: a program with a fallback for unknown paths (the web app's page) would
    /// otherwise give that to, say, a HEAD of an API's path.
    /// </summary>
    public void RefuseOtherMethods()
    {
        foreach (var path in declared.GroupBy(route => route.Pattern, StringComparer.Ordinal))
        {
            var allowed = string.Join(", ", path.Select(route => route.Method).Distinct().Order(StringComparer.Ordinal));
            endpoints.Map(path.Key, http =>
            {
                http.Response.Headers.Allow = allowed;
                http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
                return Task.CompletedTask;
            }).WithOrder(AfterAllRoutes);
        }
    }

    private static async Task HandleRawAsync(Call call, Func<Call, CancellationToken, Task> handle) => await handle(call, call.Http.RequestAborted);

    private ApiRoute Bodyless<TUseCase, TReply>(string method, string path)
        where TUseCase : class, IUseCase<TReply>
    {
        var useCase = ActivatorUtilities.CreateInstance<TUseCase>(endpoints.ServiceProvider);
        var route = Declare(new ApiRoute(method, Prefix + path), typeof(TReply));
        Map(route, async (call, _) => await AnswerAsync(call, route, await useCase.HandleAsync(call, call.Http.RequestAborted)));
        return route;
    }

    private ApiRoute WithBody<TUseCase, TRequest, TReply>(string method, string path)
        where TUseCase : class, IUseCase<TRequest, TReply>
        where TRequest : class
    {
        var useCase = ActivatorUtilities.CreateInstance<TUseCase>(endpoints.ServiceProvider);
        var route = Declare(new ApiRoute(method, Prefix + path) { RequestType = typeof(TRequest) }, typeof(TReply));
        Map(route, async (call, body) =>
        {
            if (!BodyReader.Parse<TRequest>(body).TryGet(out var request, out var problem))
            {
                await ProblemWriter.WriteAsync(call.Http, problem);
                return;
            }
            await AnswerAsync(call, route, await useCase.HandleAsync(request, call, call.Http.RequestAborted));
        });
        return route;
    }

    private ApiRoute Declare(ApiRoute route, Type replyType)
    {
        if (replyType == typeof(Done)) route.Replies(204);
        else if (replyType != typeof(StoredReply)) typeof(ApiRoute).GetMethod(nameof(ApiRoute.Replies), 1, [typeof(int), typeof(string)])!.MakeGenericMethod(replyType).Invoke(route, [200, "application/json"]);
        declared.Add(route);
        return route;
    }

    private void Map(ApiRoute route, Func<Call, byte[], Task> handle)
    {
        endpoints.MapMethods(route.Pattern, [route.Method], http => InvokeAsync(http, route, handle)).WithMetadata(route);
    }

    private async Task InvokeAsync(HttpContext http, ApiRoute route, Func<Call, byte[], Task> handle)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = route.BodyBytesMax + ExcessBytesMax;
        if (!(await AuthenticateAsync(http, route.Access)).TryGet(out var caller, out var problem))
        {
            await ProblemWriter.WriteAsync(http, problem);
            return;
        }
        if (Unusable(http.Request.Query, route) is { } unusable)
        {
            await ProblemWriter.WriteAsync(http, unusable);
            return;
        }
        using var room = route.BodyBytesMax > ApiRoute.BodyBytesMaxDefault ? new BodyRoom(_largeBodies, caller.Present?.Subject ?? 0) : null;

        byte[] body = [];
        if (route.RequestType is not null)
        {
            var absent = route.BodyOptional && (http.Request.ContentLength ?? 0) == 0 && http.Request.ContentType is null;
            if (absent)
            {
                body = "{}"u8.ToArray();
            }
            else if (BodyReader.CheckContentType(http.Request, "application/json") is { } wrongType)
            {
                await ProblemWriter.WriteAsync(http, wrongType);
                return;
            }
            else if (!(await BodyReader.ReadBytesAsync(http.Request, route.BodyBytesMax, room, http.RequestAborted)).TryGet(out body!, out problem))
            {
                await ProblemWriter.WriteAsync(http, problem);
                return;
            }
        }

        IdempotencyKey? key = null;
        if (route.NeedsIdempotencyKey)
        {
            var header = http.Request.Headers["Idempotency-Key"];
            if (header.Count != 1 || !IdempotencyKey.IsValid(header[0]))
            {
                await ProblemWriter.WriteAsync(http, HttpProblems.IdempotencyKeyNeeded.Because($"Send one Idempotency-Key of 1 to {IdempotencyKey.KeyLengthMax} visible ASCII characters, new for each thing you want done, the same when you repeat yourself."));
                return;
            }
            key = new IdempotencyKey(header[0]!, Fingerprint(http.Request, body));
        }

        var call = new Call(http, caller.Present, key, _cursors, _verifier, route.BodyBytesMax, room);
        if (_gate is null || route.IsRaw) await handle(call, body);
        else await HandleThroughGateAsync(_gate, call, route, handle, body);
    }

    private static async Task HandleThroughGateAsync(ICallGate gate, Call call, ApiRoute route, Func<Call, byte[], Task> handle, byte[] body)
    {
        if (gate.TryEnter(route, out var pass) is { } full)
        {
            await ProblemWriter.WriteAsync(call.Http, full);
            return;
        }
        int? status = null;
        try
        {
            await handle(call, body);
            if (!call.Http.RequestAborted.IsCancellationRequested) status = call.Http.Response.StatusCode;
        }
        finally
        {
            gate.Leave(route, pass, status);
        }
    }

    private async ValueTask<Outcome<MaybeCaller>> AuthenticateAsync(HttpContext http, Access access)
    {
        if (await CallerProof.OfAsync(http, access, _verifier) is not { } proof)
        {
            return access is Access.Anonymous or Access.Open ? new MaybeCaller(null) : HttpProblems.Unauthenticated.Because("Send Authorization: Bearer with an access token; POST /api/v1/auth/login gives one.");
        }
        if (!proof.TryGet(out var caller, out var problem)) return problem;
        return access is Access.Admin && !caller.Is("admin") ? HttpProblems.NotFound.Because("No such path, or it is not yours to see.") : new MaybeCaller(caller);
    }

    private static async Task AnswerAsync<TReply>(Call call, ApiRoute route, Outcome<TReply> outcome)
    {
        var http = call.Http;
        if (!outcome.TryGet(out var reply, out var problem))
        {
            await ProblemWriter.WriteAsync(http, problem);
            return;
        }
        var (status, body) = reply switch
        {
            Done => (204, ReadOnlyMemory<byte>.Empty),
            StoredReply stored => (stored.Status, stored.Body),
            _ => (route.SuccessStatus, ApiJson.Bytes(reply)),
        };
        http.Response.StatusCode = status;
        if (!http.Response.Headers.ContainsKey("Cache-Control")) http.Response.Headers.CacheControl = "no-store";
        if (status == 204) return;
        http.Response.ContentType = "application/json; charset=utf-8";
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    /// <summary>
    /// What is wrong with the query parameters that the route takes; those that it does not know are nobody's concern, and <see cref="Call.Page"/> judges its own.
    /// </summary>
    private static Problem? Unusable(IQueryCollection query, ApiRoute route)
    {
        List<FieldError>? errors = null;
        foreach (var (name, _) in route.QueryParameters)
        {
            if (name is "limit" or "cursor") continue;
            var values = query[name];
            if (values.Count > 1) (errors ??= []).Add(new FieldError("", $"The query parameter {name} is given {values.Count} times, once is possible."));
            else if (values.Count == 1 && values[0] is { } value && (value.Length > Call.QueryLengthMax || value.Contains('\0')))
                (errors ??= []).Add(new FieldError("", $"The query parameter {name} is up to {Call.QueryLengthMax} characters, none of them NUL."));
        }
        return errors is null ? null : HttpProblems.Invalid.Because(errors[0].Detail, errors);
    }

    private static byte[] Fingerprint(HttpRequest request, ReadOnlySpan<byte> body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(request.Method + " " + request.Path + "\n"));
        hash.AppendData(body);
        return hash.GetHashAndReset();
    }

    /// <summary>An outcome cannot hold null, and an open route may have no caller.</summary>
    private readonly record struct MaybeCaller(Caller? Present);
}
