using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>A scene with its weather in front.</summary>
internal sealed class VeiledScene(Scene scene, WeatherVeil veil) : Scene
{
    public override void Paint(Frame frame, Moment moment)
    {
        scene.Paint(frame, moment);
        veil.Paint(frame, moment.Time);
    }
}
