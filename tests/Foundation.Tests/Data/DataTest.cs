using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Testing;
using Xunit;

[assembly: AssemblyFixture(typeof(SharedPostgres))]

namespace SkyRiff.Foundation.Tests.Data;

/// <summary>Shards of a test's own, with the schema of a small service in them.</summary>
public abstract class DataTest(SharedPostgres shared) : IAsyncLifetime
{
    protected static readonly CancellationToken Ct = CancellationToken.None;

    private protected const string Schema = """
        --: include jobs
        --: include outbox
        --: include idempotency
        CREATE TABLE {schema}.things (id bigint PRIMARY KEY, owner bigint, name text, state text NOT NULL DEFAULT 'new', count integer NOT NULL DEFAULT 0 CONSTRAINT things_count_positive CHECK (count >= 0));
        """;

    protected virtual int ShardCount => 1;

    private protected ShardMap Map { get; private set; } = null!;

    private protected TestDatabase Database { get; private set; } = null!;

    private protected PrivatePostgres Postgres { get; private set; } = null!;

    private protected DataOptions Options { get; set; } = null!;

    private protected Shard Shard => Map.Shards[0];

    public virtual async ValueTask InitializeAsync()
    {
        Postgres = await shared.GetAsync();
        Options = await Postgres.CreateShardsAsync(ShardCount, [Migration("things", Schema)]);
        Map = new ShardMap(Options);
        await new DirectoryStore(Map).LoadAsync(Ct);
        Database = new TestDatabase(Map, "things");
    }

    public virtual async ValueTask DisposeAsync()
    {
        await Map.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected static Migration Migration(string service, string text, int number = 1, string name = "first") =>
        new(service, number, name, SkyRiff.Data.Migration.Expand(service, text));

    private protected Task<T> On<T>(Func<SqlSession, Task<T>> work) => Database.TransactAsync(Shard, (session, _) => work(session), Ct);

    private protected Task On(Func<SqlSession, Task> work) => Database.TransactAsync(Shard, (session, _) => work(session), Ct);

    private protected Task<long> NewIdAsync(int slot = 0) =>
        Database.PrimaryAsync(slot, (session, token) => session.SingleAsync($"SELECT skyriff.next_id({slot})", row => row.Long(0), token), Ct);

    private protected Task<long> CountAsync(string tableAndCondition) =>
        Database.PrimaryAsync(Shard, (session, token) => session.SingleAsync($"SELECT count(*) FROM things.{Sql.Splice(tableAndCondition)}", row => row.Long(0), token), Ct);
}

internal sealed class TestDatabase(ShardMap map, string service) : ServiceDatabase(map, Entropy.System, TimeProvider.System, service);
