using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Loops;
using SkyRiff.Kernel.Secrets;
using SkyRiff.Kernel.Tokens;

namespace SkyRiff.Users.Tokens;

/// <summary>
/// The signing keys: kept in the database, private halves sealed under the master key, made when due by whichever process finds out first,
/// re-read every minute. Readers use an immutable snapshot.
/// </summary>
internal sealed class KeyRing(UsersDatabase database, MasterKey masterKey, UsersOptions options, TimeProvider time, Entropy entropy, ILogger<KeyRing> logger)
    : SupervisedLoop("users.keys", time, entropy, logger)
{
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromMinutes(1);

    private readonly KeySchedule _schedule = new(options.KeyLifetime, options.KeyOverlap);
    private readonly SemaphoreSlim _loading = new(1);
    private volatile Snapshot? _snapshot;

    /// <summary>Any number, the same in every process and like nobody else's: makers of keys take turns by it.</summary>
    private const long MakersTurn = 0x75736572_6b657973;

    private sealed record StoredKey(string Id, byte[] Private, byte[] Public, KeySpan Span);

    private sealed record Snapshot(IReadOnlyList<string> Ids, string SigningId, AccessTokenSigner Signer, JsonWebKeys Published, byte[] Jwks);

    public TokenTerms Terms { get; } = new(options.Issuer, options.Audience);

    public JsonWebKeys Published => Loaded.Published;

    /// <summary>The JWKS document.</summary>
    public byte[] Jwks => Loaded.Jwks;

    private Snapshot Loaded => _snapshot ?? throw new InvalidOperationException("The signing keys are not loaded yet.");

    public string Sign(AccessToken token, string tokenId) => Loaded.Signer.Sign(token, tokenId);

    /// <summary>Must have run once before anything is signed or proven.</summary>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        await _loading.WaitAsync(cancellationToken);
        try
        {
            var now = Time.GetUtcNow();
            var keys = await database.PrimaryAsync(UsersDatabase.HomeSlot, (sql, token) => PublishedAsync(sql, now, token), cancellationToken);
            while (_schedule.Missing([.. keys.Select(key => key.Span)], now) is not null) keys = await MakeMissingAsync(now, cancellationToken);
            _snapshot = Shown(keys, keys.First(key => key.Span.SignsAt(now)));
        }
        finally
        {
            _loading.Release();
        }
    }

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(RefreshInterval, Time);
        do await LoadAsync(stopping);
        while (await timer.WaitForNextTickAsync(stopping));
    }

    /// <summary>Keeps what has not changed: tokens that were proven stay so as long as the set of keys is the same object.</summary>
    private Snapshot Shown(IReadOnlyList<StoredKey> keys, StoredKey signing)
    {
        var ids = keys.Select(key => key.Id).ToList();
        var same = _snapshot is { } shown && shown.Ids.SequenceEqual(ids) ? _snapshot : null;
        if (same?.SigningId == signing.Id) return same;
        var published = same?.Published ?? JsonWebKeys.Of(keys.Select(key => KeyValuePair.Create(key.Id, ReadPublic(key.Public))));
        return new Snapshot(ids, signing.Id, new AccessTokenSigner(signing.Id, ReadPrivate(signing), Terms), published, published.ToJson());
    }

    /// <summary>Looks again when it is this process's turn: of two that find a key missing, one makes it.</summary>
    private Task<List<StoredKey>> MakeMissingAsync(DateTimeOffset now, CancellationToken cancellationToken) => database.TransactAsync(UsersDatabase.HomeSlot, async (sql, token) =>
    {
        await sql.ExecuteAsync($"SELECT pg_advisory_xact_lock({MakersTurn})", token);
        var keys = await PublishedAsync(sql, now, token);
        if (_schedule.Missing([.. keys.Select(key => key.Span)], now) is not { } span) return keys;

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var id = Entropy.NextSecret(9);
        var sealedKey = masterKey.Seal(key.ExportPkcs8PrivateKey(), Context(id));
        var publicKey = key.ExportSubjectPublicKeyInfo();
        await sql.ExecuteAsync($"""
            INSERT INTO users.signing_keys (id, private_key, public_key, activates_at, signs_until, retires_at)
            VALUES ({id}, {sealedKey}, {publicKey}, {span.ActivatesAt}, {span.SignsUntil}, {span.RetiresAt})
            """, token);
        Logger.LogInformation("Made signing key {Key}, which signs from {From:u} to {To:u}", id, span.ActivatesAt, span.SignsUntil);
        return await PublishedAsync(sql, now, token);
    }, cancellationToken);

    private static Task<List<StoredKey>> PublishedAsync(SqlSession sql, DateTimeOffset now, CancellationToken cancellationToken) => sql.ListAsync($"""
        SELECT id, private_key, public_key, activates_at, signs_until, retires_at FROM users.signing_keys WHERE retires_at > {now} ORDER BY activates_at, id
        """, row => new StoredKey(row.Text(0), row.Bytes(1), row.Bytes(2), new KeySpan(row.Time(3), row.Time(4), row.Time(5))), cancellationToken);

    private static ECParameters ReadPublic(byte[] publicKey)
    {
        using var key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(publicKey, out _);
        return key.ExportParameters(includePrivateParameters: false);
    }

    private ECDsa ReadPrivate(StoredKey stored)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportPkcs8PrivateKey(masterKey.Open(stored.Private, Context(stored.Id)), out _);
        }
        catch (CryptographicException failure)
        {
            throw new InvalidOperationException($"Signing key {stored.Id} cannot be opened: it was sealed under another master key, or changed. Restore the master key; or delete the rows of users.signing_keys, which signs everybody out.", failure);
        }
        return key;
    }

    private static string Context(string id) => "users/signing-key/" + id;
}
