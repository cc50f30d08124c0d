using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Ids;
using SkyRiff.Payments;
using SkyRiff.Payments.Ledger;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Payments;

/// <summary>Shards of a test's own with the schema of Payments, and its services. Whatever a test did, it ends with a ledger that is proven.</summary>
public abstract class PaymentsTest(SharedPostgres shared) : IAsyncLifetime
{
    protected const int Slot = 5;
    protected const long StarterCredits = 200;
    protected static readonly CancellationToken Ct = CancellationToken.None;

    private ServiceProvider _services = null!;

    protected virtual int ShardCount => 1;

    /// <summary>False for tests that damage the ledger.</summary>
    protected virtual bool LedgerMustBeClean => true;

    private protected PrivatePostgres Postgres { get; private set; } = null!;

    private protected DataOptions Options { get; private set; } = null!;

    private protected ShardMap Map { get; private set; } = null!;

    private protected IServiceProvider Services => _services;

    private protected PaymentsDatabase Database => _services.GetRequiredService<PaymentsDatabase>();

    private protected ICredits Credits => _services.GetRequiredService<ICredits>();

    private protected ILedgerAudit Audit => _services.GetRequiredService<ILedgerAudit>();

    public virtual async ValueTask InitializeAsync()
    {
        Postgres = await shared.GetAsync();
        Options = await Postgres.CreateShardsAsync(ShardCount, Migration.Embedded("payments", typeof(PaymentsModule).Assembly));
        Map = new ShardMap(Options);
        await new DirectoryStore(Map).LoadAsync(Ct);
        var services = new ServiceCollection().AddLogging().AddSingleton(Map).AddSingleton(Entropy.System).AddSingleton(TimeProvider.System).AddSingleton<UserEventHub>();
        new PaymentsModule().Register(services, new ConfigurationBuilder().Build());
        _services = services.BuildServiceProvider(validateScopes: true);
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (LedgerMustBeClean) (await Audit.VerifyAsync(Ct)).Violations.ShouldBeEmpty();
        await _services.DisposeAsync();
        await Map.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected async Task<UserId> NewUserAsync(int slot = Slot) => new(await NewIdAsync(slot));

    /// <summary>A user with an opened wallet: <see cref="StarterCredits"/>.</summary>
    private protected async Task<UserId> NewWalletAsync(int slot = Slot)
    {
        var user = await NewUserAsync(slot);
        await Credits.OpenWalletAsync(user, Ct);
        return user;
    }

    private protected async Task<GenerationId> NewGenerationAsync(UserId user) => new(await NewIdAsync(user.Slot()));

    private protected async Task<(long Credits, long Held)> BalanceAsync(UserId user)
    {
        var wallet = await _services.GetRequiredService<LedgerStore>().FindWalletAsync(user, Ct);
        return wallet is null ? (0, 0) : (wallet.Credits, wallet.Held);
    }

    /// <summary>SQL as the superuser, in the database of a shard.</summary>
    private protected Task<string> AsSuperuserAsync(string sql, int shard = 0) =>
        Postgres.QueryAsync(Options.Shards[shard].Primary.Split("Database=")[1], sql);

    private protected Task<long> CountAsync(string from) =>
        Database.PrimaryAsync(Map.Shards[0], (session, token) => session.SingleAsync($"SELECT count(*) FROM payments.{Sql.Splice(from)}", row => row.Long(0), token), Ct);

    private Task<long> NewIdAsync(int slot) =>
        Database.PrimaryAsync(slot, (session, token) => session.SingleAsync($"SELECT skyriff.next_id({slot})", row => row.Long(0), token), Ct);
}
