using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Contracts;

/// <summary>Users' pictures: Videos has the tools to decode an image safely and the store to keep it in.</summary>
public interface IAvatars
{
    /// <summary>
    /// Checks the image, cuts it to a square, writes it anew and stores it under a name of its own. Answers its public path, such as
    /// <c>/media/avatars/42/9f2c.webp</c>, or one of <see cref="AvatarProblems"/>. What is stored and not made anybody's avatar is swept.
    /// </summary>
    Task<Outcome<string>> StoreAsync(UserId user, ReadOnlyMemory<byte> image, string? contentType, CancellationToken cancellationToken);

    /// <summary>Deletes a picture that <see cref="StoreAsync"/> made for this user; anything else is left alone.</summary>
    Task DeleteAsync(UserId user, string path, CancellationToken cancellationToken);
}

public static class AvatarProblems
{
    public static readonly ProblemCode Empty = new("avatars.empty", ProblemCategory.Invalid, "The image has no bytes");
    public static readonly ProblemCode Type = new("avatars.type", ProblemCategory.UnsupportedMediaType, "The image is of a type we do not take");
    public static readonly ProblemCode Unreadable = new("avatars.unreadable", ProblemCategory.Invalid, "The image is damaged");
    public static readonly ProblemCode Dimensions = new("avatars.dimensions", ProblemCategory.Invalid, "The image is too small or too large");
    public static readonly ProblemCode Busy = new("avatars.busy", ProblemCategory.Unavailable, "Too many images at once");
}
