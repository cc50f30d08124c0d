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

/// <summary>One call's claim on that room: taken when its body turns out to be large, given back with the call.</summary>
internal sealed class BodyRoom(LargeBodies bodies, long caller) : IDisposable
{
    private bool _isTaken;

    /// <summary>Why there is none; null when it is there, or was taken before.</summary>
    public Problem? Take()
    {
        if (_isTaken) return null;
        var full = bodies.TryEnter(caller);
        _isTaken = full is null;
        return full;
    }

    public void Dispose()
    {
        if (_isTaken) bodies.Leave(caller);
        _isTaken = false;
    }
}
