using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Objects;
using SkyRiff.Videos.Media;

namespace SkyRiff.Videos.Generating;

/// <summary>Pictures that are to become first frames: checked, re-encoded and kept as objects until the sweep finds that no generation names them.</summary>
internal sealed class ReferenceImages(ReferenceImageChecker checker, MediaOptions options, IObjectStore store, Entropy entropy, TimeProvider time)
{
    public static readonly ObjectPrefix Prefix = ObjectPrefix.Of("references/");

    private readonly PictureTurns _turns = new(time);

    /// <summary>The key of the stored picture. The same picture of the same user has one key, so a repeated request stores nothing new.</summary>
    public async Task<Outcome<string?>> KeepAsync(UserId user, RequestGeneration.Image image, CancellationToken cancellationToken)
    {
        var bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(image.Data.Length)];
        if (Base64.DecodeFromUtf8(Encoding.ASCII.GetBytes(image.Data), bytes, out _, out var length) is not OperationStatus.Done)
        {
            return HttpProblems.Invalid.Because("The image is not base64.", [new FieldError("/inputReference/data", "The image's bytes in standard base64 are needed.")]);
        }
        var busy = HttpProblems.Unavailable.Because("Too many images are being checked at the moment; repeat the request with the same Idempotency-Key.");
        return await _turns.RunAsync(user, busy, () => CheckAndStoreAsync(user, bytes.AsMemory(0, length), image.ContentType, cancellationToken), cancellationToken);
    }

    private async Task<Outcome<string?>> CheckAndStoreAsync(UserId user, ReadOnlyMemory<byte> bytes, string contentType, CancellationToken cancellationToken)
    {
        using var scratch = Scratch.New(options.ScratchRoot, entropy);
        if (!(await checker.CheckAsync(bytes, contentType, scratch.Folder, cancellationToken)).TryGet(out var picture, out var problem)) return problem;
        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes.Span));
        var key = $"references/{user}/{hash[..32]}.png";
        await store.PutFileAsync(ObjectKey.Of(key), picture.Path, new PutOptions { ContentType = "image/png", LengthMax = options.OutputBytesMax }, cancellationToken);
        return key;
    }

    /// <summary>Copies the picture to a file for the renderer or the provider.</summary>
    public async Task CopyToAsync(string key, string path, CancellationToken cancellationToken)
    {
        await using var read = await store.OpenReadAsync(ObjectKey.Of(key), null, cancellationToken);
        await using var file = File.Create(path);
        await read.Content.CopyToAsync(file, cancellationToken);
    }
}
