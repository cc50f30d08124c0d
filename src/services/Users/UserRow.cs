using SkyRiff.Contracts;
using SkyRiff.Data;

namespace SkyRiff.Users;

/// <summary>A user as stored.</summary>
internal sealed record UserRow(UserId Id, string Status, string Handle, string? Email, string DisplayName, string Bio, string? Avatar, IReadOnlyList<string> Roles, DateTimeOffset CreatedAt)
{
    public const string Columns = "id, status, handle, email, display_name, bio, avatar, roles, created_at";

    public bool IsActive => Status == "active";

    public static UserRow Read(SqlRow row) => new(row.Id<UserId>(0), row.Text(1), row.Text(2), row.TextOrNull(3), row.Text(4), row.Text(5), row.TextOrNull(6), row.Texts(7), row.Time(8));
}
