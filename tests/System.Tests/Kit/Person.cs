using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using SkyRiff.Kernel;
using SkyRiff.Testing;

namespace SkyRiff.SystemTests.Kit;

/// <summary>A reply as it came.</summary>
internal sealed record Reply(HttpStatusCode Status, byte[] Body)
{
    public JsonNode Json => JsonNode.Parse(Body) ?? throw new InvalidOperationException($"The reply {Status} is empty.");

    public string? Code => (string?)Json["code"];

    public override string ToString() => $"{(int)Status} {System.Text.Encoding.UTF8.GetString(Body)}";
}

/// <summary>A registered user at the API, over however many lives of the program.</summary>
internal sealed class Person : IDisposable
{
    private static readonly TimeSpan EndWithin = TimeSpan.FromSeconds(90);

    private readonly ProgramSite _site;
    private readonly HttpClient _http = new(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromSeconds(10), MaxConnectionsPerServer = 64 }) { Timeout = TimeSpan.FromSeconds(60) };
    private string _token = "";

    private Person(ProgramSite site) => _site = site;

    public string Id { get; private set; } = "";

    public string Handle { get; private set; } = "";

    /// <summary>The access token, for clients of another kind.</summary>
    public string Token => _token;

    public const string Password = "correct horse battery";

    public static async Task<Person> RegisterAsync(ProgramSite site)
    {
        var person = new Person(site) { Handle = "p" + Convert.ToHexStringLower(Guid.NewGuid().ToByteArray())[..14] };
        var reply = await person.SendAsync(HttpMethod.Post, "/api/v1/auth/register", new { handle = person.Handle, email = person.Handle + "@example.org", password = Password });
        if (reply.Status is not HttpStatusCode.Created) throw new InvalidOperationException($"Registering was answered {reply}.");
        person._token = (string)reply.Json["accessToken"]!;
        person.Id = (string)reply.Json["user"]!["id"]!;
        return person;
    }

    public async Task<Reply> SendAsync(HttpMethod method, string path, object? body = null, string? key = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(_site.Address, path));
        if (body is not null) request.Content = JsonContent.Create(body);
        if (key is not null) request.Headers.Add("Idempotency-Key", key);
        if (_token.Length > 0) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _token);
        using var response = await _http.SendAsync(request, CancellationToken.None);
        return new Reply(response.StatusCode, await response.Content.ReadAsByteArrayAsync(CancellationToken.None));
    }

    /// <summary>Null when the program died under the call.</summary>
    public async Task<Reply?> TrySendAsync(HttpMethod method, string path, object? body = null, string? key = null)
    {
        try
        {
            return await SendAsync(method, path, body, key);
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    public Task<Reply> OrderAsync(string prompt, string? key = null, string? model = null, string? size = null) =>
        SendAsync(HttpMethod.Post, "/api/v1/generations", new { prompt, model, size }, key ?? NewKey());

    /// <summary>Orders a clip that must be accepted; answers its id.</summary>
    public async Task<string> GenerateAsync(string prompt, string? model = null, string? size = null)
    {
        var reply = await OrderAsync(prompt, model: model, size: size);
        return reply.Status is HttpStatusCode.Accepted ? (string)reply.Json["id"]! : throw new InvalidOperationException($"The order was answered {reply}.");
    }

    public async Task<JsonNode> GenerationAsync(string id)
    {
        var reply = await SendAsync(HttpMethod.Get, "/api/v1/generations/" + id);
        return reply.Status is HttpStatusCode.OK ? reply.Json : throw new InvalidOperationException($"Generation {id} was answered {reply}.");
    }

    public Task<Reply> CancelAsync(string id) => SendAsync(HttpMethod.Delete, "/api/v1/generations/" + id);

    /// <summary>The generation once it is over.</summary>
    public Task<JsonNode> EndOfAsync(string id, TimeSpan? within = null) =>
        UntilAsync(id, generation => (string?)generation["status"] is "ready" or "failed" or "cancelled", "it was over", within);

    /// <summary>The generation once it is as wanted.</summary>
    public async Task<JsonNode> UntilAsync(string id, Func<JsonNode, bool> wanted, string what, TimeSpan? within = null)
    {
        JsonNode? seen = null;
        try
        {
            await Eventually.TrueAsync(async () => wanted(seen = await GenerationAsync(id)), $"generation {id}: {what}", within ?? EndWithin);
        }
        catch (TimeoutException late)
        {
            throw new TimeoutException($"{late.Message} It was last seen as {seen?.ToJsonString()}", late);
        }
        return seen!;
    }

    public async Task<(long Credits, long Held)> WalletAsync()
    {
        var wallet = (await SendAsync(HttpMethod.Get, "/api/v1/wallet")).Json;
        return ((long)wallet["credits"]!, (long)wallet["held"]!);
    }

    /// <summary>The kinds of the ledger's movements for one generation, oldest first, as its lines in the held account tell them.</summary>
    public async Task<IReadOnlyList<string>> MovementsAsync(string generation)
    {
        var kinds = new List<string>();
        string? cursor = null;
        do
        {
            var page = (await SendAsync(HttpMethod.Get, "/api/v1/wallet/transfers?limit=100" + (cursor is null ? "" : "&cursor=" + Uri.EscapeDataString(cursor)))).Json;
            kinds.AddRange(page["items"]!.AsArray().Where(item => (string?)item!["reference"] == generation && (string?)item["account"] == "held").Select(item => (string)item!["kind"]!));
            cursor = (string?)page["nextCursor"];
        }
        while (cursor is not null);
        kinds.Reverse();
        return kinds;
    }

    public static string NewKey() => Entropy.System.NextSecret(18);

    public void Dispose() => _http.Dispose();
}
