using System.Security.Cryptography;
using System.Text;
using SkyRiff.Gateway.Configuration;

namespace SkyRiff.Gateway.Decisions;

/// <summary>Keys that clients send in <c>X-Api-Key</c>; known only by their SHA-256, so that a stolen configuration is no key.</summary>
internal sealed class ApiKeys
{
    private readonly Dictionary<UInt128, (byte[] Sha256, Identity Identity)> _keys = [];

    public ApiKeys(IEnumerable<ApiKeyConfig> keys)
    {
        foreach (var key in keys)
            _keys[Prefix(key.Sha256)] = (key.Sha256, new Identity(Encoding.ASCII.GetBytes(key.User), long.MaxValue, 0));
    }

    public Identity? Find(ReadOnlySpan<byte> key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(key, hash);
        return _keys.TryGetValue(Prefix(hash), out var found) && CryptographicOperations.FixedTimeEquals(hash, found.Sha256) ? found.Identity : null;
    }

    private static UInt128 Prefix(ReadOnlySpan<byte> hash) => System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(hash);
}
