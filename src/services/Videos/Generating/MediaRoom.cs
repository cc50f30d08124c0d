namespace SkyRiff.Videos.Generating;

/// <summary>
/// How many clips may be worked on by ffmpeg at a time in this process, one per core unless configured (starting and small clips use a single one); the others wait in
/// the order of their coming, inside their phase's deadline.
/// </summary>
internal sealed class MediaRoom(int placesMax)
{
    private readonly SemaphoreSlim _places = new(placesMax > 0 ? placesMax : Environment.ProcessorCount);

    /// <summary>Disposing gives the place back.</summary>
    public async Task<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        await _places.WaitAsync(cancellationToken);
        return new Place(_places);
    }

    private sealed class Place(SemaphoreSlim places) : IDisposable
    {
        private SemaphoreSlim? _places = places;

        public void Dispose() => Interlocked.Exchange(ref _places, null)?.Release();
    }
}
