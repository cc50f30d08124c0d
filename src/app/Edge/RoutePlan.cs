using Microsoft.AspNetCore.Http;
using SkyRiff.Http;

namespace SkyRiff.App.Edge;

/// <summary>Which budget a request is taken from.</summary>
internal enum Budget
{
    /// <summary>None: probes, and providers' signed notices, which have to arrive.</summary>
    None,

    /// <summary>Media, pages, assets.</summary>
    Files,

    /// <summary>The API.</summary>
    Calls,
}

/// <summary>What the edge does for one route; decided once, when the process starts.</summary>
internal sealed record RoutePlan(Budget Budget, Access Access, NamedLimit? Own)
{
    private static readonly RoutePlan Files = new(Budget.Files, Access.Anonymous, null);

    /// <summary>Paths of the API that are no route of it, and its descriptions.</summary>
    private static readonly RoutePlan Elsewhere = new(Budget.Calls, Access.Anonymous, null);

    public static RoutePlan Of(ApiRoute route, EdgeLimits limits) => route.Pattern switch
    {
        "/health/live" or "/health/ready" => new(Budget.None, Access.Anonymous, null),
        _ when route.Pattern.StartsWith("/media/", StringComparison.Ordinal) => Files,
        ApiRoutes.Prefix + "/auth/register" => new(Budget.Calls, route.Access, limits.Registrations),
        ApiRoutes.Prefix + "/auth/login" => new(Budget.Calls, route.Access, limits.SignIns),
        _ when route.Pattern.StartsWith(ApiRoutes.Prefix + "/webhooks/", StringComparison.Ordinal) => Files,
        _ => new(Budget.Calls, route.Access, null),
    };

    public static RoutePlan Of(PathString path) =>
        path.StartsWithSegments("/api") || path.StartsWithSegments("/openapi") || path.StartsWithSegments("/docs") || path.StartsWithSegments("/metrics") ? Elsewhere : Files;
}
