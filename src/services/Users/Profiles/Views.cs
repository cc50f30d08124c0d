using SkyRiff.Contracts;

namespace SkyRiff.Users.Profiles;

/// <summary>A user as the user sees it.</summary>
internal sealed record Me(UserId Id, string Handle, string? Email, string DisplayName, string Bio, string? Avatar, IReadOnlyList<string> Roles, DateTimeOffset CreatedAt)
{
    public static Me Of(UserRow row) => new(row.Id, row.Handle, row.Email, row.DisplayName, row.Bio, row.Avatar, row.Roles, row.CreatedAt);
}

/// <summary>A user as everybody sees it.</summary>
internal sealed record Profile(UserId Id, string Handle, string DisplayName, string Bio, string? Avatar, DateTimeOffset CreatedAt, ProfileCounts Counts, ProfileViewer? Viewer);

internal sealed record ProfileCounts(long Works, long Followers, long Following);

/// <summary>What the profile is to whoever looks; null when signed out.</summary>
internal sealed record ProfileViewer(bool Following);
