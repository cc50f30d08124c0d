using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using SkyRiff.App.Hosting;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Secrets;
using SkyRiff.Objects;
using SkyRiff.Objects.Disk;
using SkyRiff.Testing;
using SkyRiff.Videos.Media;
using Xunit;

namespace SkyRiff.SystemTests.HostileInput;

/// <summary>
/// The whole server in this process, over a private database, with a victim who owns one of everything and an attacker who owns nothing. It answers calls but makes no
/// clips, so that what it stores changes only when a call changes it.
/// </summary>
public sealed class HostileSite : IAsyncLifetime
{
    public const string Canary = "canary";
    public const string VictimPassword = "canary-password-of-the-victim";

    private static readonly CancellationToken Ct = CancellationToken.None;

    private readonly string _folder = Directory.CreateTempSubdirectory("skyriff-hostile-").FullName;
    private PrivatePostgres _postgres = null!;
    private SkyRiff.Data.DataOptions _data = null!;
    private Server _server = null!;

    internal LogKeeper Log { get; } = new();

    public HttpClient Client { get; private set; } = null!;

    internal MasterKey MasterKey { get; } = new([.. Enumerable.Range(1, 32).Select(i => (byte)i)]);

    internal IReadOnlyList<ApiRoute> Routes => _server.Routes;

    internal IReadOnlySet<string> KnownCodes { get; private set; } = null!;

    internal Account Victim { get; private set; } = null!;

    internal Account Attacker { get; private set; } = null!;

    /// <summary>What the victim owns, by the kind of thing that a path's parameter names.</summary>
    internal string Generation { get; private set; } = "";

    internal string Order { get; private set; } = "";

    internal string Work { get; private set; } = "";

    internal string Session { get; private set; } = "";

    internal string PrivateFile => $"clips/{Generation}/master-0123456789abcdef.m3u8";

    internal int Port { get; private set; }

    internal sealed record Account(string Id, string Handle, string AccessToken, string RefreshToken);

    public async ValueTask InitializeAsync()
    {
        _postgres = await PrivatePostgres.StartAsync();
        _data = await _postgres.CreateShardsAsync(2);
        Port = FreePort();
        foreach (var name in new[] { "objects", "scratch", "web" }) Directory.CreateDirectory(Path.Combine(_folder, name));
        await File.WriteAllTextAsync(Path.Combine(_folder, "web", "index.html"), "<!doctype html><title>SkyRiff</title>", Ct);
        await File.WriteAllTextAsync(Path.Combine(_folder, "secret.txt"), "canary outside of every root", Ct);

        var settings = new Dictionary<string, string?>
        {
            ["App:Role"] = "api",
            ["Edge:Enabled"] = "false", // thousands of calls a second are the point here; the limits have tests of their own
            ["App:Port"] = Port.ToString(),
            ["App:WebRoot"] = Path.Combine(_folder, "web"),
            ["Data:ServiceUserPrefix"] = _data.ServiceUserPrefix,
            ["Videos:ObjectsFolder"] = Path.Combine(_folder, "objects"),
            ["Videos:ScratchFolder"] = Path.Combine(_folder, "scratch"),
            ["Payments:Sandbox:Enabled"] = "true",
        };
        // One address and one user send everything: the limits have tests of their own.
        foreach (var limit in new[] { "PerAddress", "FilesPerAddress", "RegistrationsPerAddress", "SignInsPerAddress" }) (settings[$"Edge:{limit}:Count"], settings[$"Edge:{limit}:Burst"]) = ("1000000", "1000000");
        settings["Edge:PerUser:Count"] = "100000000";
        for (var i = 0; i < _data.Shards.Count; i++) settings[$"Data:Shards:{i}:Primary"] = _data.Shards[i].Primary;
        _server = Server.Build(new ConfigurationBuilder().AddInMemoryCollection(settings).Build(), MasterKey, logging =>
        {
            ConsoleLog.Add(logging);
            logging.ClearProviders().AddProvider(Log);
        });
        await _server.StartAsync(new Progress<string>(), Ct);
        Client = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { BaseAddress = new Uri($"http://127.0.0.1:{Port}") };
        KnownCodes = _server.Routes.SelectMany(route => route.Refusals).Concat(HttpProblems.All).Select(code => code.Code).ToHashSet();
        await PopulateAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _server.StopAsync();
        await _server.DisposeAsync();
        await _postgres.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    internal Task<HttpResponseMessage> SendAsync(string method, string path, string? token = null, HttpContent? content = null, bool keyed = false)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = content };
        if (token is not null) request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
        if (keyed) request.Headers.TryAddWithoutValidation("Idempotency-Key", Canary + Entropy.System.NextSecret(9));
        return Client.SendAsync(request, Ct);
    }

    /// <summary>Sends bytes as they are and answers what comes until the server closes.</summary>
    internal async Task<string> SendRawAsync(string text)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, Port, Ct);
        await using var stream = socket.GetStream();
        var (reply, buffer) = (new StringBuilder(), new byte[4096]);
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(text), Ct);
            while (await stream.ReadAsync(buffer, Ct) is > 0 and var count) reply.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }
        catch (IOException)
        {
            // A reset is an end, too.
        }
        return reply.ToString();
    }

    /// <summary>A digest of every row of every table and of every stored file's name, once the events that are on their way have arrived.</summary>
    internal async Task<string> StateAsync()
    {
        await Eventually.TrueAsync(async () => (await SqlAsync("SELECT (SELECT count(*) FROM users.outbox) + (SELECT count(*) FROM payments.outbox) + (SELECT count(*) FROM videos.outbox)")).All(count => count == "0"), "the outboxes were emptied");
        var tables = await SqlAsync("SELECT format('%I.%I', schemaname, relname) FROM pg_stat_user_tables WHERE schemaname IN ('users', 'payments', 'videos', 'social') AND relname NOT LIKE '%outbox%' ORDER BY 1");
        var digests = new List<string>();
        foreach (var table in tables.Distinct()) digests.Add($"{table}: {string.Join(' ', await SqlAsync($"SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t"))}");
        digests.AddRange(Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
        return string.Join('\n', digests);
    }

    internal async Task<IReadOnlyList<string>> SqlAsync(string sql)
    {
        var rows = new List<string>();
        foreach (var shard in _data.Shards) rows.AddRange((await _postgres.QueryAsync(shard.Primary.Split("Database=")[1], sql)).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        return rows;
    }

    private async Task PopulateAsync()
    {
        Victim = await RegisterAsync("victim", VictimPassword);
        Attacker = await RegisterAsync("attacker", "canary-password-of-the-attacker");
        Generation = (string)(await CreateAsync("/api/v1/generations", """{"prompt":"canary: a secret idea"}"""))["id"]!;
        Order = (string)(await CreateAsync("/api/v1/orders", """{"packId":"small"}"""))["id"]!;
        using var sessions = await SendAsync("GET", "/api/v1/auth/sessions", Victim.AccessToken);
        Session = (string)(await JsonAsync(sessions))["items"]![0]!["id"]!;

        // A private work with a file, as publishing leaves them; nothing here renders.
        var file = new PackageObject(PrivateFile, MediaTypes.Playlist, 7, new string('0', 64));
        var manifest = ApiJson.Text(new PackageManifest { Master = file, Renditions = [], Mp4 = file, Poster = file, Strip = new PreviewStrip(file, 1, 1, 1), Duration = TimeSpan.FromSeconds(4), Width = 16, Height = 16, HasAudio = false, PreviewMaster = file });
        Work = Generation;
        await SqlAsync($"""
            INSERT INTO videos.works (id, user_id, generation_id, title, description, tags, visibility, prompt, model, manifest)
            SELECT id, user_id, id, 'Private', 'canary', '{"{}"}', 'private', prompt, model, '{manifest}' FROM videos.generations WHERE id = {Generation};
            UPDATE videos.generations SET work_id = id WHERE id = {Generation}
            """);
        var store = new DiskObjectStore(new DiskObjectStoreOptions { Root = Path.Combine(_folder, "objects") }, TimeProvider.System, Entropy.System);
        await store.PutAsync(ObjectKey.Of(PrivateFile), new MemoryStream("#EXTM3U"u8.ToArray()), new PutOptions { ContentType = MediaTypes.Playlist, LengthMax = 100 }, Ct);
    }

    internal async Task<Account> RegisterAsync(string handle, string password)
    {
        using var reply = await SendAsync("POST", "/api/v1/auth/register", null, Json($$"""{"handle":"{{handle}}","email":"{{handle}}@example.org","password":"{{password}}"}"""));
        var json = await JsonAsync(reply);
        return new Account((string)json["user"]!["id"]!, handle, (string)json["accessToken"]!, (string)json["refreshToken"]!);
    }

    private async Task<JsonNode> CreateAsync(string path, string body)
    {
        using var reply = await SendAsync("POST", path, Victim.AccessToken, Json(body), keyed: true);
        return await JsonAsync(reply);
    }

    internal static async Task<JsonNode> JsonAsync(HttpResponseMessage reply)
    {
        var text = await reply.Content.ReadAsStringAsync(Ct);
        return reply.IsSuccessStatusCode ? JsonNode.Parse(text)! : throw new InvalidOperationException($"{(int)reply.StatusCode}: {text}");
    }

    internal static ByteArrayContent Json(string json) => Bytes(Encoding.UTF8.GetBytes(json), "application/json");

    internal static ByteArrayContent Bytes(byte[] bytes, string contentType)
    {
        var content = new ByteArrayContent(bytes);
        if (contentType.Length > 0) content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        return content;
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
