using SkyRiff.Videos.Providers.Studio.Painting;
using SkyRiff.Videos.Providers.Studio.Scenes;

namespace SkyRiff.Videos.Providers.Studio;

/// <summary>Paints any moment of one clip as a yuv420p picture. Immutable; each thread brings its own frame.</summary>
internal sealed class StudioPainter
{
    public const int FramesPerSecond = 30;

    private const float FadeInSeconds = 0.35f;
    private const float FadeOutSeconds = 0.4f;

    private readonly Look _look;
    private readonly Scene _scene;
    private readonly Title _title;
    private readonly bool _startsWithPicture;

    public StudioPainter(SceneScript script, int width, int height, float seconds, ReferencePicture? picture)
    {
        (Width, Height, Seconds) = (width, height, seconds);
        _startsWithPicture = picture is not null;
        if (picture is not null) script = script with { Palette = picture.Lend(script.Palette) };
        _look = script.Palette.Look;
        var seed = new Dice(script.Seed + 99).Pick(1 << 20);
        var veil = new WeatherVeil(script);
        var scene = Scene.Of(script.Style, script, width, height);
        if (picture is not null)
            _scene = new TurningScene(new PictureScene(picture.Light, seed, script.Drift), new VeiledScene(scene, veil), script.Palette, seed, 0.3f, 0.72f);
        else if (script.Then is { } then)
            _scene = new VeiledScene(new TurningScene(scene, Scene.Of(then, script, width, height), script.Palette, seed, 0.42f, 0.64f), veil);
        else
            _scene = new VeiledScene(scene, veil);
        _title = new Title(script.Title, width, height, seconds);
    }

    public int Width { get; }

    public int Height { get; }

    public float Seconds { get; }

    public int FrameCount => (int)MathF.Round(Seconds * FramesPerSecond);

    public int PictureLength => Develop.LengthOf(Width, Height);

    /// <summary>Paints the frame of that number into <paramref name="picture"/>, <see cref="PictureLength"/> bytes.</summary>
    public void Paint(int index, Frame frame, byte[] picture)
    {
        var moment = new Moment((float)index / FramesPerSecond, (float)index / Math.Max(1, FrameCount - 1));
        _scene.Paint(frame, moment);
        var alive = _startsWithPicture ? Maths.Smooth(0.25f, 0.6f, moment.Share) : 1;
        // The given picture opens the clip as it is; what makes our own pictures film comes in with them.
        Bloom.Apply(frame, _look.Bloom * alive, _look.BloomThreshold);
        if (!_startsWithPicture) _title.Paint(frame, moment.Time);
        var look = alive < 1 ? _look with { Vignette = _look.Vignette * alive, Saturation = Maths.Lerp(1, _look.Saturation, alive), Grain = _look.Grain * alive } : _look;
        Develop.ToPicture(frame, look, FadeAt(moment.Time), index, picture);
    }

    private float FadeAt(float time)
    {
        var start = _startsWithPicture ? 1 : 0.25f + (0.75f * Maths.Smooth(0, FadeInSeconds, time));
        return start * Maths.Smooth(0, FadeOutSeconds, Seconds - time);
    }
}
