namespace SkyRiff.Http;

/// <summary>What a service must have done before its first request; run by the program after migrations and before it listens.</summary>
public interface IReadiness
{
    Task PrepareAsync(CancellationToken cancellationToken);
}
