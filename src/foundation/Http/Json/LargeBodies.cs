using SkyRiff.Kernel;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>
/// Room for bodies above <see cref="ApiRoute.BodyBytesMaxDefault"/>, which are kept whole while they are read and used. A client that sends one slowly costs memory
/// for as long as it likes, so there are few of them at a time, and few of one caller's. Thread-safe.
/// </summary>
internal sealed class LargeBodies
{
    public const int AtOnce = 64;
    public const int AtOncePerCaller = 8;

    private static readonly TimeSpan ComeBackAfter = TimeSpan.FromSeconds(2);

    private readonly PlacesPerKey<long> _perCaller = new(AtOncePerCaller);
    private int _inside;

    /// <summary>Whether a request needs room: its length is not told, or large, and not so large that it is refused unread.</summary>
    public static bool Concerns(long? announced, int bytesMax) => bytesMax > ApiRoute.BodyBytesMaxDefault && announced is not (<= ApiRoute.BodyBytesMaxDefault) && !(announced > bytesMax);

    /// <summary>Takes room, which <see cref="Leave"/> gives back; or answers why there is none.</summary>
    public Problem? TryEnter(long caller)
    {
        if (!_perCaller.TryEnter(caller)) return HttpProblems.RateLimited.Because($"You may send {AtOncePerCaller} large bodies at a time; wait for one.") with { RetryAfter = ComeBackAfter };
        if (Interlocked.Increment(ref _inside) <= AtOnce) return null;
        Leave(caller);
        return HttpProblems.Unavailable.Because("Too many large bodies are being sent at the moment; come back soon.") with { RetryAfter = ComeBackAfter };
    }

    public void Leave(long caller)
    {
        Interlocked.Decrement(ref _inside);
        _perCaller.Leave(caller);
    }
}
