using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
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

    private sealed record Snapshot(AccessTokenSigner Signer, JsonWebKeys Published, byte[] Jwks, long Period);

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
            foreach (var period in _schedule.Due(now)) await MakeIfMissingAsync(period, cancellationToken);
            var rows = await database.PrimaryAsync(UsersDatabase.HomeSlot, (sql, token) => sql.ListAsync($"""
                SELECT id, period, private_key, public_key FROM users.signing_keys WHERE retires_at > {now} ORDER BY period
                """, row => (Id: row.Text(0), Period: row.Long(1), Private: row.Bytes(2), Public: row.Bytes(3)), token), cancellationToken);
            var present = _schedule.PeriodAt(now);
            var signing = rows.Single(row => row.Period == present);
            var published = JsonWebKeys.Of(rows.Select(row => KeyValuePair.Create(row.Id, ReadPublic(row.Public))));
            _snapshot = new Snapshot(new AccessTokenSigner(signing.Id, ReadPrivate(signing.Id, signing.Private), Terms), published, published.ToJson(), present);
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

    private async Task MakeIfMissingAsync(long period, CancellationToken cancellationToken)
    {
        var exists = await database.PrimaryAsync(UsersDatabase.HomeSlot, (sql, token) =>
            sql.SingleAsync($"SELECT EXISTS (SELECT FROM users.signing_keys WHERE period = {period})", row => row.Bool(0), token), cancellationToken);
        if (exists) return;

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var id = Entropy.NextSecret(9);
        var sealedKey = masterKey.Seal(key.ExportPkcs8PrivateKey(), Context(id));
        var publicKey = key.ExportSubjectPublicKeyInfo();
        var (activates, retires) = (_schedule.StartOf(period), _schedule.RetiresAt(period));
        var made = await database.PrimaryAsync(UsersDatabase.HomeSlot, (sql, token) => sql.ExecuteAsync($"""
            INSERT INTO users.signing_keys (id, period, private_key, public_key, activates_at, retires_at)
            VALUES ({id}, {period}, {sealedKey}, {publicKey}, {activates}, {retires}) ON CONFLICT DO NOTHING
            """, token), cancellationToken);
        if (made == 1) Logger.LogInformation("Made signing key {Key} for period {Period}", id, period);
    }

    private static ECParameters ReadPublic(byte[] publicKey)
    {
        using var key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(publicKey, out _);
        return key.ExportParameters(includePrivateParameters: false);
    }

    private ECDsa ReadPrivate(string id, byte[] sealedKey)
    {
        var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(masterKey.Open(sealedKey, Context(id)), out _);
        return key;
    }

    private static string Context(string id) => "users/signing-key/" + id;
}
