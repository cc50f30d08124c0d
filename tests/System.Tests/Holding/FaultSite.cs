using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using SkyRiff.SystemTests.Kit;
using Xunit;

namespace SkyRiff.SystemTests.Holding;

/// <summary>A provider's misbehaviour, and what a generation must come to under it.</summary>
/// <param name="Status">The end.</param>
/// <param name="Code">The failure class that the owner is told.</param>
/// <param name="Creations">Clips that the provider would send a bill for, at most.</param>
/// <param name="Model">Whose model is ordered: which of the providers below.</param>
internal sealed record Fault(string Name, Script Script, string Status, string? Code, int Creations, string Model = FaultSite.Plain)
{
    public override string ToString() => Name;
}

/// <summary>One program with several providers, all of them the stub under some name; every fault's generation is ordered at once, each test waits for its own.</summary>
public sealed class FaultSite : IAsyncLifetime
{
    internal const string Plain = "stub-1";

    /// <summary>Its list of jobs does not answer.</summary>
    internal const string Secretive = "secretive-1";

    /// <summary>Repeats the answer to a repeated Idempotency-Key.</summary>
    internal const string Remembering = "remembering-1";

    /// <summary>Nobody listens there.</summary>
    internal const string Dead = "dead-1";

    /// <summary>The plain one again, under a name whose account gets into trouble.</summary>
    internal const string Indebted = "indebted-1";

    private readonly ConcurrentDictionary<string, Task<(string Prompt, JsonNode End)>> _ends = new();

    internal ProgramSite Site { get; private set; } = null!;

    internal Person Person { get; private set; } = null!;

    internal StubProvider Stub { get; private set; } = null!;

    internal StubProvider SecretiveStub { get; private set; } = null!;

    internal StubProvider RememberingStub { get; private set; } = null!;

    /// <summary>A host that no reply of a provider may send us to.</summary>
    internal StubProvider Elsewhere { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        (Stub, SecretiveStub, RememberingStub, Elsewhere) = (await StubProvider.StartAsync(), await StubProvider.StartAsync(), await StubProvider.StartAsync(), await StubProvider.StartAsync());
        SecretiveStub.Lists = false;
        RememberingStub.HonoursKeys = true;
        Site = new ProgramSite(
        [
            .. Stub.Settings(), .. SecretiveStub.Settings("secretive", Secretive), .. RememberingStub.Settings("remembering", Remembering), .. Stub.Settings("indebted", Indebted), .. Stub.Settings("dead", Dead),
            new("Videos:OpenAiVideos:remembering:HonoursIdempotencyKey", "true"),
            new("Videos:OpenAiVideos:dead:BaseUrl", $"http://127.0.0.1:{ClosedPort()}/v1"),
            new("Videos:Rules:SubmittingMax", "00:00:08"),
            new("Videos:Rules:RunningMax", "00:00:15"),
            new("Videos:Rules:FetchingMax", "00:00:25"),
            new("Videos:Rules:TransientsMax", "2"),
            new("Videos:Rules:ThrottledDelay", "00:00:01"),
            new("Videos:Rules:AccountDelay", "00:00:01"),
        ]);
        await Site.StartAsync();
        Person = await Person.RegisterAsync(Site);
        foreach (var fault in Faults(Elsewhere.BaseUrl)) _ends[fault.Name] = RunAsync(fault);
    }

    internal async Task<(string Prompt, JsonNode End)> EndOfAsync(Fault fault) => await _ends[fault.Name];

    internal StubProvider StubOf(Fault fault) => fault.Model switch
    {
        Secretive => SecretiveStub,
        Remembering => RememberingStub,
        _ => Stub,
    };

    internal Task AllAsync() => Task.WhenAll(_ends.Values);

    public async ValueTask DisposeAsync()
    {
        Person.Dispose();
        await Site.DisposeAsync();
        foreach (var stub in (StubProvider[])[Stub, SecretiveStub, RememberingStub, Elsewhere]) await stub.DisposeAsync();
    }

    internal static IReadOnlyList<Fault> Faults(string elsewhere) =>
    [
        // The create call.
        new("create is never answered", new Script { Create = call => Kit.Faults.SilenceAsync(call.Http) }, "failed", "lost", 0),
        new("create is taken and never answered", new Script { Create = call => Taken(call, Kit.Faults.SilenceAsync) }, "ready", null, 1),
        new("create is taken and the connection dropped", new Script { Create = call => Taken(call, Kit.Faults.DropAsync) }, "ready", null, 1),
        new("create is dropped untaken", new Script { Create = call => Kit.Faults.DropAsync(call.Http) }, "failed", "lost", 0),
        new("create is taken, dropped, and the list is silent", new Script { Create = call => Taken(call, Kit.Faults.DropAsync) }, "failed", "lost", 1, Secretive),
        new("create is taken and dropped by a provider that remembers keys", new Script { Create = Kit.Faults.First(1, call => Taken(call, Kit.Faults.DropAsync)) }, "ready", null, 1, Remembering),
        new("create is taken and answered with an error", new Script { Create = call => Taken(call, http => Kit.Faults.ErrorAsync(http, 500, "server_error")) }, "ready", null, 1),
        new("create is answered with an error", new Script { Create = call => Kit.Faults.ErrorAsync(call.Http, 502, "bad_gateway") }, "failed", "lost", 0),
        new("create is taken and answered with 8 MB", new Script { Create = call => Taken(call, Kit.Faults.HugeAsync) }, "ready", null, 1),
        new("create is redirected elsewhere", new Script { Create = call => Kit.Faults.RedirectAsync(call.Http, elsewhere + "/videos", 307) }, "failed", "lost", 0),
        new("create is refused as invalid", new Script { Create = call => Kit.Faults.ErrorAsync(call.Http, 400, "invalid_size") }, "failed", "invalid_request", 0),
        new("create is refused by moderation", new Script { Create = call => Kit.Faults.ErrorAsync(call.Http, 400, "moderation_blocked") }, "failed", "input_moderation", 0),
        new("create is throttled twice", new Script { Create = Kit.Faults.First(2, call => Kit.Faults.ErrorAsync(call.Http, 429, "rate_limit_exceeded", "1")) }, "ready", null, 1),
        new("create is throttled with no time to wait", new Script { Create = Kit.Faults.First(2, call => Kit.Faults.ErrorAsync(call.Http, 429, "rate_limit_exceeded", "0")) }, "ready", null, 1),
        new("the provider is away for a moment", new Script { Create = Kit.Faults.First(1, call => Kit.Faults.ErrorAsync(call.Http, 503, "overloaded")) }, "ready", null, 1),
        new("the account is refused, then restored", new Script { Create = Kit.Faults.First(1, call => Kit.Faults.ErrorAsync(call.Http, 401, "invalid_api_key")) }, "ready", null, 1, Indebted),
        new("nobody listens", Script.Honest, "failed", "transient", 0, Dead),

        // While it runs.
        new("failed late by moderation", new Script { Status = Kit.Faults.FailsWith("moderation_blocked") }, "failed", "output_moderation", 1),
        new("failed late for a reason that nobody listed", new Script { Status = Kit.Faults.FailsWith("cosmic_rays") }, "failed", "invalid_request", 1),
        new("failed late by an error of theirs, again and again", new Script { Status = Kit.Faults.FailsWith("server_error") }, "failed", "transient", 3),
        new("polls stop answering", new Script { Status = (http, _) => Kit.Faults.SilenceAsync(http) }, "failed", "expired", 1),
        new("polls are dropped", new Script { Status = (http, _) => Kit.Faults.DropAsync(http) }, "failed", "expired", 1),
        new("polls ask for a century of patience", new Script { Status = (http, _) => Kit.Faults.ErrorAsync(http, 429, "rate_limit_exceeded", "2147483647") }, "failed", "expired", 1),
        new("the job vanishes", new Script { Status = (http, _) => Kit.Faults.ErrorAsync(http, 404, "not_found") }, "failed", "lost", 1),
        new("status is nonsense", new Script { Status = (http, _) => http.Response.WriteAsync("{\"id\":7,\"status\":[]}", http.RequestAborted) }, "failed", "expired", 1),

        // The file.
        new("done, without a file", new Script { Content = (http, _, _) => Kit.Faults.ErrorAsync(http, 404, "not_found") }, "failed", "bad_output", 2),
        new("done, with 0 bytes", new Script { Content = Kit.Faults.Bytes(_ => []) }, "failed", "bad_output", 2),
        new("done, with garbage", new Script { Content = Kit.Faults.Bytes(clip => [.. Enumerable.Range(0, clip.Length).Select(i => (byte)(i * 31))]) }, "failed", "bad_output", 2),
        new("done, with garbage in a clip's wrapping", new Script { Content = Kit.Faults.Bytes(clip => [.. clip.Take(64), .. Enumerable.Range(0, clip.Length).Select(i => (byte)(i * 31))]) }, "failed", "bad_output", 2),
        new("done, with half a clip", new Script { Content = Kit.Faults.Bytes(clip => clip[..(clip.Length / 2)]) }, "failed", "bad_output", 2),
        new("done, with a stream of 10 GB", new Script { Content = Kit.Faults.EndlessAsync }, "failed", "bad_output", 2),
        new("done, one byte now and then", new Script { Content = Kit.Faults.DripAsync }, "failed", "expired", 1),
        new("done, and silent half-way", new Script { Content = Kit.Faults.HalfAsync }, "failed", "transient", 1),
        new("done, but elsewhere", new Script { Content = (http, _, _) => Kit.Faults.RedirectAsync(http, elsewhere + "/clip.mp4", 302) }, "failed", "transient", 1),
        new("the file comes at the second try", new Script { Content = (http, video, clip) => video.Fetches == 1 ? Kit.Faults.ErrorAsync(http, 500, "server_error") : Kit.Faults.ClipAsync(http, video, clip) }, "ready", null, 1),
    ];

    private async Task<(string Prompt, JsonNode End)> RunAsync(Fault fault)
    {
        var prompt = fault.Name;
        StubOf(fault).On(prompt, fault.Script);
        return (prompt, await Person.EndOfAsync(await Person.GenerateAsync(prompt, fault.Model), TimeSpan.FromSeconds(150)));
    }

    private static Task Taken(CreateCall call, Func<HttpContext, Task> then)
    {
        call.Take();
        return then(call.Http);
    }

    private static int ClosedPort()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
