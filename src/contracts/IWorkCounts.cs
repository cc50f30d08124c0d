namespace SkyRiff.Contracts;

/// <summary>How many public works somebody has; Videos knows.</summary>
public interface IWorkCounts
{
    Task<long> OfAsync(UserId user, CancellationToken cancellationToken);
}
