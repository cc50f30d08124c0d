using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using SkyRiff.Contracts;
using SkyRiff.Kernel.Secrets;
using SkyRiff.Kernel.Text;
using SkyRiff.Videos.Generating;
using SkyRiff.Videos.Media;

namespace SkyRiff.Videos.Playback;

/// <summary>
/// The addresses of media. What is published lies under its key, the same for everybody and cacheable for ever. What is not has a pass in its
/// path, <c>/media/~pass/clips/42/...</c>, good for the whole folder (playlists name their files relatively) and for a few hours.
/// </summary>
internal sealed class MediaUrls(MasterKey masterKey, TimeProvider time)
{
    /// <summary>Passes end at multiples of this, so that an address stays the same for a while and its file stays in the browser's cache.</summary>
    private static readonly TimeSpan PassStep = TimeSpan.FromHours(6);

    private const int TagBytes = 16;
    private const int PassBytes = 4 + TagBytes;

    private readonly byte[] _key = masterKey.Derive("videos/media-pass");

    public string Public(string key) => "/media/" + key;

    /// <summary>Ends between one and two steps from now.</summary>
    public string Private(GenerationId id, string key)
    {
        var step = (time.GetUtcNow().UtcTicks / PassStep.Ticks) + 2;
        Span<byte> pass = stackalloc byte[PassBytes];
        BinaryPrimitives.WriteInt32BigEndian(pass, (int)step);
        Tag(id, (int)step).AsSpan(0, TagBytes).CopyTo(pass[4..]);
        return $"/media/~{Base64Url.EncodeToString(pass)}/{key}";
    }

    /// <summary>How long the pass still opens this generation's folder; null when it does not.</summary>
    public TimeSpan? Opens(ReadOnlySpan<char> pass, GenerationId id)
    {
        if (CanonicalBase64Url.Decode(pass, lengthMax: 64) is not { Length: PassBytes } bytes) return null;
        var step = BinaryPrimitives.ReadInt32BigEndian(bytes);
        if (step <= 0 || !CryptographicOperations.FixedTimeEquals(Tag(id, step).AsSpan(0, TagBytes), bytes.AsSpan(4))) return null;
        var left = new DateTimeOffset(step * PassStep.Ticks, TimeSpan.Zero) - time.GetUtcNow();
        return left > TimeSpan.Zero ? left : null;
    }

    public PlaybackView Playback(GenerationId id, PackageManifest manifest, bool isPublic)
    {
        string Url(PackageObject stored) => isPublic ? Public(stored.Key) : Private(id, stored.Key);
        return new PlaybackView(
            Url(manifest.Master), Url(manifest.Mp4), Url(manifest.Poster), Url(manifest.Strip.Image), manifest.Strip.Frames, Math.Round(manifest.Duration.TotalSeconds, 3), manifest.Width, manifest.Height);
    }

    private byte[] Tag(GenerationId id, int step) => HMACSHA256.HashData(_key, Encoding.ASCII.GetBytes($"{GenerationRow.PrefixOf(id)}|{step}"));
}
