namespace SkyRiff.Contracts;

/// <summary>Who somebody is, for showing beside what they made.</summary>
public interface IProfiles
{
    /// <summary>The profiles of those who exist; deleted users are there under their anonymous name. At most 100 at once.</summary>
    Task<IReadOnlyDictionary<UserId, Author>> OfAsync(IReadOnlyCollection<UserId> users, CancellationToken cancellationToken);

    /// <summary>The user with this handle, if any.</summary>
    Task<UserId?> FindAsync(string handle, CancellationToken cancellationToken);
}

public sealed record Author(UserId Id, string Handle, string DisplayName, string? Avatar);
