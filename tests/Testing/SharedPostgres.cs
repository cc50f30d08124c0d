namespace SkyRiff.Testing;

/// <summary>One cluster for all tests of an assembly, started when the first one asks; each test makes shards of its own in it.</summary>
public sealed class SharedPostgres : IAsyncDisposable
{
    private readonly Lazy<Task<PrivatePostgres>> _postgres = new(() => PrivatePostgres.StartAsync());

    public Task<PrivatePostgres> GetAsync() => _postgres.Value;

    public async ValueTask DisposeAsync()
    {
        if (_postgres.IsValueCreated) await (await _postgres.Value).DisposeAsync();
    }
}
