using System.Security.Cryptography;
using System.Text;
using SkyRiff.Objects;

namespace SkyRiff.Videos.Media;

/// <summary>Puts a package's files under names that carry their content's hash: <c>prefix/name-0123456789abcdef.ext</c>.</summary>
internal sealed class PackageShelf(IObjectStore store, string prefix, long lengthMax)
{
    private const int HashDigits = 16; // 64 bits within one folder of ten files

    public async Task<PackageObject> PutFileAsync(string name, string extension, string contentType, string path, CancellationToken token)
    {
        string hash;
        await using (var file = File.OpenRead(path)) hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, token));
        var key = KeyOf(name, hash, extension);
        return Of(await store.PutFileAsync(key, path, Options(contentType), token));
    }

    public async Task<PackageObject> PutTextAsync(string name, string extension, string contentType, string text, CancellationToken token)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var key = KeyOf(name, Convert.ToHexStringLower(SHA256.HashData(bytes)), extension);
        return Of(await store.PutAsync(key, new MemoryStream(bytes), Options(contentType), token));
    }

    private ObjectKey KeyOf(string name, string hash, string extension) => ObjectKey.Of($"{prefix}/{name}-{hash[..HashDigits]}.{extension}");

    private PutOptions Options(string contentType) => new() { ContentType = contentType, LengthMax = lengthMax };

    private static PackageObject Of(StoredObject stored) => new(stored.Key.Value, stored.ContentType, stored.Length, stored.Sha256);
}
