using System.Security.Cryptography;
using SkyRiff.Contracts;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Objects;
using SkyRiff.Videos.Media;

namespace SkyRiff.Videos.Avatars;

/// <summary>
/// Users' pictures: checked and re-encoded by <see cref="ReferenceImageChecker"/>, then cut to a square WebP of <see cref="Side"/> pixels, in
/// <see cref="PictureTurns"/>. A name is the content's hash and a random part: setting the same
/// picture twice makes two objects, so that deleting the former one never takes away the new one.
/// </summary>
internal sealed class AvatarPictures(ReferenceImageChecker checker, Ffmpeg ffmpeg, MediaOptions options, IObjectStore store, Entropy entropy, TimeProvider time) : IAvatars
{
    public const int Side = 256;
    public const string Folder = "avatars";

    private const int Quality = 80;
    private const int OutputBytesMax = 1 << 20;
    private readonly PictureTurns _turns = new(time);

    public static ObjectPrefix PrefixOf(UserId user) => ObjectPrefix.Of($"{Folder}/{user}/");

    public Task<Outcome<string>> StoreAsync(UserId user, ReadOnlyMemory<byte> image, string? contentType, CancellationToken cancellationToken) =>
        _turns.RunAsync(user, AvatarProblems.Busy.Because("Try again in a moment."), () => CheckAndStoreAsync(user, image, contentType, cancellationToken), cancellationToken);

    private async Task<Outcome<string>> CheckAndStoreAsync(UserId user, ReadOnlyMemory<byte> image, string? contentType, CancellationToken cancellationToken)
    {
        using var scratch = Scratch.New(options.ScratchRoot, entropy);
        if (!(await checker.CheckAsync(image, contentType, scratch.Folder, cancellationToken)).TryGet(out var picture, out var problem)) return InOurWords(problem);
        var path = scratch.File("avatar.webp");
        await CutAsync(picture.Path, scratch.Folder, cancellationToken);
        var hash = SHA256.HashData(await File.ReadAllBytesAsync(path, cancellationToken));
        var key = $"{Folder}/{user}/{Convert.ToHexStringLower(hash.AsSpan(0, 12))}{RandomPart()}.webp";
        await store.PutFileAsync(ObjectKey.Of(key), path, new PutOptions { ContentType = MediaTypes.Picture, LengthMax = OutputBytesMax }, cancellationToken);
        return "/media/" + key;
    }

    public async Task DeleteAsync(UserId user, string path, CancellationToken cancellationToken)
    {
        var own = $"/media/{Folder}/{user}/";
        if (path.StartsWith(own, StringComparison.Ordinal) && ObjectKey.TryParse(path["/media/".Length..], out var key)) await store.DeleteAsync(key, cancellationToken);
    }

    private Task<byte[]> CutAsync(string picture, string folder, CancellationToken cancellationToken) => ffmpeg.RunAsync(
        new FfmpegRun
        {
            Folder = folder,
            Arguments =
            [
                "-protocol_whitelist", "file", "-f", "image2", "-pattern_type", "none", "-i", Path.GetFileName(picture),
                "-vf", $@"crop=min(iw\,ih):min(iw\,ih),scale={Side}:{Side}:flags=lanczos,setsar=1", "-frames:v", "1", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact",
                "-c:v", "libwebp", "-quality", $"{Quality}", "-f", "webp", "file:avatar.webp",
            ],
        },
        cancellationToken);

    private string RandomPart()
    {
        Span<byte> bytes = stackalloc byte[6];
        entropy.Fill(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    private static Problem InOurWords(Problem problem) => problem.Code switch
    {
        var code when code == MediaProblems.ImageEmpty => AvatarProblems.Empty.Because(problem.Detail),
        var code when code == MediaProblems.ImageType => AvatarProblems.Type.Because(problem.Detail),
        var code when code == MediaProblems.ImageDimensions => AvatarProblems.Dimensions.Because(problem.Detail),
        _ => AvatarProblems.Unreadable.Because(problem.Detail),
    };
}
