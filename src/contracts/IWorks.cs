using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Contracts;

/// <summary>Which works there are; Videos knows.</summary>
public interface IWorks
{
    /// <summary>False for a work that does not exist and for one that the viewer may not see: nobody is told which.</summary>
    Task<bool> IsVisibleAsync(WorkId work, UserId viewer, CancellationToken cancellationToken);
}

public static class WorkProblems
{
    public static readonly ProblemCode NotFound = new("videos.work_not_found", ProblemCategory.NotFound, "No such work");
}
