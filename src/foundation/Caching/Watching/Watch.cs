using SkyRiff.Caching.Local;
using SkyRiff.Caching.Tags;
using SkyRiff.Redis;

namespace SkyRiff.Caching.Watching;

/// <summary>What Redis tells about writes by anybody, turned into distrust: of one key's slot, of one tag, or of everything. Called on the connection's reader.</summary>
internal sealed class Watch(string prefix, KeyVersions versions, TrustEpoch trust, TagBoard tags) : IInvalidationHandler
{
    private readonly byte[] _tagPrefix = System.Text.Encoding.UTF8.GetBytes(TagBoard.Prefix(prefix));
    private TaskCompletionSource _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when invalidations are heard; already ended while they are.</summary>
    public Task Attached => Volatile.Read(ref _attached).Task;

    public void OnKey(ReadOnlySpan<byte> key)
    {
        if (key.StartsWith(_tagPrefix))
            tags.Forget(key[_tagPrefix.Length..]);
        else
            versions.Move(versions.SlotOf(key));
    }

    public void OnAll(InvalidationKind kind)
    {
        switch (kind)
        {
            case InvalidationKind.Restored:
                tags.ForgetAll();
                trust.Attach();
                Volatile.Read(ref _attached).TrySetResult();
                break;
            case InvalidationKind.Lost:
                trust.Detach();
                tags.ForgetAll();
                if (Attached.IsCompleted)
                    Volatile.Write(ref _attached, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
                break;
            default:
                trust.Renew();
                tags.ForgetAll();
                break;
        }
    }
}
