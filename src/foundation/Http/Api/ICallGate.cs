using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>
/// Bounds how many use cases run at a time. A call asks when its caller is proven and its body has been read, so a slow client holds no place. Raw routes, which may
/// stream, do not ask. A process has one gate or none.
/// </summary>
public interface ICallGate
{
    /// <summary>Null when the call may run; it leaves with <paramref name="pass"/> then. Else why it may not.</summary>
    Problem? TryEnter(ApiRoute route, out long pass);

    /// <summary>The call ended with this status, or with null when it failed without an answer or its client left.</summary>
    void Leave(ApiRoute route, long pass, int? status);
}
