using SkyRiff.Http;
using SkyRiff.Payments;
using SkyRiff.Social;
using SkyRiff.Users;
using SkyRiff.Videos;

namespace SkyRiff.App;

/// <summary>What a module can offer to a process.</summary>
[Flags]
internal enum Facets
{
    None = 0,
    Http = 1,
    Loops = 2,
    Consumers = 4,
    All = Http | Loops | Consumers,
}

/// <summary>The one table from a role to the facets that its process runs. A service does not know its role.</summary>
internal static class Roles
{
    /// <summary>Everything in one process: a laptop, the tests.</summary>
    public const string All = "all";

    /// <summary>Answers calls and makes no clips; any number beside any number of <see cref="Worker"/>.</summary>
    public const string Api = "api";

    /// <summary>Makes clips, follows the events of works (it relays them), and answers no calls but the probes.</summary>
    public const string Worker = "worker";

    private static readonly (string Role, string Module, Facets Facets)[] Table =
    [
        (All, "users", Facets.All),
        (All, "payments", Facets.All),
        (All, "videos", Facets.All),
        (All, "social", Facets.All),
        (Api, "users", Facets.All),
        (Api, "payments", Facets.All),
        (Api, "videos", Facets.Http | Facets.Consumers),
        (Api, "social", Facets.All),
        (Worker, "users", Facets.None),
        (Worker, "payments", Facets.None),
        (Worker, "videos", Facets.Loops | Facets.Consumers),
        (Worker, "social", Facets.Consumers), // of what Videos tells, which is published where its loops run
    ];

    public static IReadOnlyList<string> Names { get; } = [.. Table.Select(row => row.Role).Distinct()];

    public static IReadOnlyList<(Module Module, Facets Facets)> Of(string role) =>
        [.. Table.Where(row => row.Role == role).Select(row => (Modules().Single(module => module.Name == row.Module), row.Facets))];

    /// <summary>Every service there is, in the order in which their schemas are made.</summary>
    public static IReadOnlyList<Module> Modules() => [new UsersModule(), new PaymentsModule(), new VideosModule(), new SocialModule()];
}
