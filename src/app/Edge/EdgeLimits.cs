using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using SkyRiff.Redis;
using SkyRiff.Resilience;
using SkyRiff.Resilience.Limits;

namespace SkyRiff.App.Edge;

/// <summary>A limit with the name it is announced by.</summary>
internal sealed class NamedLimit(LimitPolicy policy, SharedLimiter limiter)
{
    public LimitPolicy Policy { get; } = policy;

    public SharedLimiter Limiter { get; } = limiter;
}

/// <summary>
/// The limits of the edge. A limit that is shared is decided by a script in Redis, after a look at what this process knows already; while Redis is away, each process
/// decides with its share.
/// </summary>
internal sealed class EdgeLimits
{
    /// <summary>IPv4: all of it; IPv6: the /64 that one customer is given.</summary>
    public const int AddressBytesMax = 8;

    public const int UserBytes = 8;

    private const int KeysMax = 200_000;

    private readonly MonotonicClock _clock;
    private readonly KeyedLimiter _files;

    public EdgeLimits(EdgeOptions options, AppOptions app, RedisClient redis, TimeProvider time)
    {
        _clock = new MonotonicClock(time);
        var share = options.ShareWhenRedisAway ?? (app.Role == Roles.All ? 1 : 0.25);
        SharedLimiterOptions Shared(LimitPolicy policy) => new() { Name = policy.Name, ShareWhenAway = share, StoreDurationMax = options.RedisWait, KeysMax = KeysMax };
        NamedLimit Bucket(LimitPolicy policy, BucketOptions bucket) => new(policy, SharedLimiter.Of(bucket.Rule, Shared(policy), redis, _clock));

        PerAddress = Bucket(options.PerAddress.Announced("address"), options.PerAddress);
        Registrations = Bucket(options.RegistrationsPerAddress.Announced("registrations"), options.RegistrationsPerAddress);
        SignIns = Bucket(options.SignInsPerAddress.Announced("sign-ins"), options.SignInsPerAddress);
        var perUser = options.PerUser.Announced("user");
        PerUser = new NamedLimit(perUser, SharedLimiter.Of(options.PerUser.Rule, Shared(perUser), redis, _clock));
        FilesPolicy = options.FilesPerAddress.Announced("files");
        _files = KeyedLimiter.Of(options.FilesPerAddress.Rule, new KeyedLimiterOptions { KeysMax = KeysMax });
        LocalTables = [_files, .. new[] { PerAddress, PerUser, Registrations, SignIns }.SelectMany(limit => limit.Limiter.LocalTables)];
    }

    public NamedLimit PerAddress { get; }

    public NamedLimit PerUser { get; }

    public NamedLimit Registrations { get; }

    public NamedLimit SignIns { get; }

    public LimitPolicy FilesPolicy { get; }

    /// <summary>For the sweeper.</summary>
    public IReadOnlyList<KeyedLimiter> LocalTables { get; }

    /// <summary>Media and assets: decided here, since a question per segment would cost more than it protects.</summary>
    public LimitDecision TakeFile(IPAddress address) => _files.Take(LimitKey.Of(address), 1, _clock.Coarse);

    /// <summary>What an address is counted by.</summary>
    public static ReadOnlySpan<byte> IdOf(IPAddress address, Span<byte> buffer)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        var counted = address.AddressFamily == AddressFamily.InterNetwork ? length : AddressBytesMax;
        bytes[..counted].CopyTo(buffer);
        return buffer[..counted];
    }

    public static ReadOnlySpan<byte> IdOf(long user, Span<byte> buffer)
    {
        BinaryPrimitives.WriteInt64BigEndian(buffer, user);
        return buffer[..UserBytes];
    }
}
