using System.Security.Cryptography;
using System.Text;

namespace SkyRiff.Objects.Disk;

/// <summary>
/// Which file holds which key.
/// <code>
/// root/objects/&lt;fan&gt;/&lt;key's folders&gt;/&lt;last segment&gt;@     fan = first byte of SHA-256 of the key's first two segments
/// root/incoming/&lt;random&gt;                             puts that are not finished
/// </code>
/// The suffix is no key character: <c>a</c> and <c>a/b</c> can both be objects, as in S3. The fan keeps folders small however the callers
/// shape their keys, and a prefix of two whole segments (<c>works/42/</c>, the usual sweep) still lies in one of them.
/// </summary>
internal sealed class DiskLayout(string root)
{
    private const char ObjectSuffix = '@';
    private const int FanSegments = 2;

    public string Objects { get; } = Path.Combine(root, "objects");

    public string Incoming { get; } = Path.Combine(root, "incoming");

    public string FileOf(ObjectKey key) => Path.Combine(FanFolderOf(key.Value), key.Value + ObjectSuffix);

    /// <summary>The folders that can hold keys of the prefix; those that exist hold nothing else at their top than the first segments.</summary>
    public IEnumerable<string> FanFoldersOf(ObjectPrefix prefix) =>
        prefix.Value.Count('/') >= FanSegments
            ? [FanFolderOf(prefix.Value)]
            : Enumerable.Range(0, 256).Select(fan => Path.Combine(Objects, fan.ToString("x2")));

    /// <summary>The key that a file under a fan folder holds; false for a file that is not ours.</summary>
    public static bool TryKeyOf(string fanFolder, string file, out ObjectKey key)
    {
        key = default;
        return file[^1] == ObjectSuffix && ObjectKey.TryParse(file[(fanFolder.Length + 1)..^1], out key);
    }

    private string FanFolderOf(string key)
    {
        var end = key.IndexOf('/');
        if (end >= 0) end = key.IndexOf('/', end + 1);
        var head = end < 0 ? key : key[..end];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.ASCII.GetBytes(head), hash);
        return Path.Combine(Objects, hash[0].ToString("x2"));
    }
}
