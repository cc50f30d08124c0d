using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>A moment of a clip: <paramref name="Time"/> in seconds, <paramref name="Share"/> from 0 at its start to 1 at its end.</summary>
internal readonly record struct Moment(float Time, float Share);

/// <summary>
/// Something to paint. All that is random or slow is settled when it is made; <see cref="Paint"/> depends on the moment alone and keeps nothing,
/// so frames can be painted in any order by any number of threads.
/// </summary>
internal abstract class Scene
{
    /// <summary>Fills the whole frame.</summary>
    public abstract void Paint(Frame frame, Moment moment);

    public static Scene Of(Style style, SceneScript script, int width, int height) => style switch
    {
        Style.Sea => new SeaScene(script),
        Style.Fire => new FireScene(script, width, height),
        Style.City => new CityScene(script),
        Style.Space => new SpaceScene(script),
        Style.Forest => new ForestScene(script, width, height),
        Style.Mountain => new MountainScene(script),
        Style.Desert => new DesertScene(script),
        Style.Rain => new StormScene(script, width, height),
        Style.Aurora => new AuroraScene(script, width, height),
        Style.Underwater => new UnderwaterScene(script),
        Style.Meadow => new MeadowScene(script, width, height),
        Style.Clouds => new CloudScene(script),
        _ => new AbstractScene(script),
    };
}
