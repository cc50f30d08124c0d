using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>Below the surface: shafts of light from a moving ceiling, a school of fish, weeds that sway, bubbles, jellyfish when asked for.</summary>
internal sealed class UnderwaterScene : Scene
{
    private readonly Palette _palette;
    private readonly int _seed;
    private readonly float _drift;
    private readonly bool _jelly;
    private readonly Vector3 _top;
    private readonly Vector3 _deep;
    private readonly Fish[] _fish = new Fish[70];
    private readonly Weed[] _weeds = new Weed[90];

    public UnderwaterScene(SceneScript script)
    {
        var dice = new Dice(script.Seed + 11);
        (_palette, _seed, _drift) = (script.Palette, dice.Pick(1 << 20), script.Drift);
        _jelly = script.Mentions("jellyfish", "medusa") || (script.Mood is Mood.Neon or Mood.Dream or Mood.Night);
        var dark = script.Mood is Mood.Night or Mood.Neon or Mood.Dusk or Mood.Storm ? 0.4f : 1;
        _top = Vector3.Lerp(Palette.Hex(0x49C6D9), _palette.Middle, 0.25f) * dark;
        _deep = Vector3.Lerp(Palette.Hex(0x04263F), _palette.Zenith, 0.25f) * (0.5f * dark);
        for (var i = 0; i < _fish.Length; i++)
            _fish[i] = new Fish(dice.Between(-1.4f, 1.4f), dice.Between(0.25f, 0.66f) + (dice.Between(-0.1f, 0.1f) * dice.Share()), dice.Between(0.012f, 0.034f), dice.Between(0.07f, 0.12f), dice.Share() * 6.3f, dice.Share());
        Array.Sort(_fish, (one, other) => one.Size.CompareTo(other.Size));
        for (var i = 0; i < _weeds.Length; i++)
            _weeds[i] = new Weed(dice.Share() * 1.1f - 0.05f, dice.Between(0.08f, 0.4f), dice.Between(0.005f, 0.014f), dice.Share() * 6.3f, dice.Share());
        Array.Sort(_weeds, (one, other) => one.Near.CompareTo(other.Near));
    }

    public override void Paint(Frame frame, Moment moment)
    {
        var time = moment.Time;
        PaintWater(frame, time);
        Brush.Shafts(frame, frame.Width * (0.5f - (0.12f * _drift)), -frame.Height * 0.35f, time * 1.6f, _seed + 4, _top * 0.42f, 6.5f);
        PaintFloor(frame, time);
        foreach (var weed in _weeds) if (weed.Near < 0.55f) Paint(frame, weed, time);
        foreach (var fish in _fish) Paint(frame, fish, time);
        if (_jelly) for (var i = 0; i < 4; i++) Jellyfish(frame, i, time);
        foreach (var weed in _weeds) if (weed.Near >= 0.55f) Paint(frame, weed, time);
        Bubbles(frame, time);
    }

    [MethodImpl(Maths.Hot)]
    private void PaintWater(Frame frame, float time)
    {
        var small = frame.Smaller(4);
        var unit = 1 / small.Unit;
        for (var y = 0; y < small.Height; y++)
        {
            var down = y / (float)small.Height;
            var water = Vector3.Lerp(_top, _deep, MathF.Pow(down, 0.62f));
            var depth = 0.05f / (down + 0.03f);
            for (var x = 0; x < small.Stride; x += Maths.LaneCount)
            {
                var u = (Maths.Lanes + new Vector<float>(x - (small.Width / 2f))) * unit;
                var across = u * (depth * 7);
                // The ceiling: bright cells that meet in lines, foreshortened toward the far end.
                var cells = Noise.Ridged(across + new Vector<float>(time * 0.25f), new Vector<float>((depth * 6) + (time * 0.5f)), 3, _seed);
                var ceiling = cells * cells * Maths.Smooth(0.3f, 0f, down);
                var murk = Noise.Fbm((u * 1.4f) + new Vector<float>(time * 0.05f), new Vector<float>((down * 2.4f) - (time * 0.03f)), 3, _seed + 8) * 0.16f;
                small.Set((y * small.Stride) + x, (Light.Of(water) * (Vector<float>.One + murk)) + (Light.Of(_top * 1.6f + new Vector3(0.25f)) * ceiling));
            }
        }

        frame.Stretch(small);
    }

    [MethodImpl(Maths.Hot)]
    private void PaintFloor(Frame frame, float time)
    {
        var unit = frame.Unit;
        var sand = Vector3.Lerp(_deep, _top, 0.28f);
        Brush.Below(frame, new Skyline(frame.Height - (unit * 0.1f), unit * 0.07f, 1.6f / unit, 0, 0.5f, 4, _seed + 12), frame.Height - (unit * 0.17f), frame.Height, sand * 0.95f, sand * 0.5f);
        for (var y = (int)(frame.Height - (unit * 0.12f)); y < frame.Height; y++)
        {
            var depth = 0.2f / ((y - frame.Height + (unit * 0.2f)) / unit);
            for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
            {
                var across = (Maths.Lanes + new Vector<float>(x - (frame.Width / 2f))) * (depth * 5 / unit);
                var net = Noise.Ridged(across + new Vector<float>(time * 0.3f), new Vector<float>((depth * 9) - (time * 0.25f)), 2, _seed + 16);
                var at = (y * frame.Stride) + x;
                frame.Set(at, frame.Get(at) + (Light.Of(_top) * (Maths.Smooth(0.55f, 0.95f, net) * 0.22f * Maths.Smooth(frame.Height - (unit * 0.12f), frame.Height - (unit * 0.04f), y))));
            }
        }
    }

    [MethodImpl(Maths.Hot)]
    private void Paint(Frame frame, Fish fish, float time)
    {
        var unit = frame.Unit;
        var lap = fish.X + (fish.Speed * time * _drift);
        lap -= 2.8f * MathF.Floor((lap + 1.4f) / 2.8f);
        var (x, y) = ((frame.Width / 2f) + (lap * unit), (fish.Y * frame.Height) + (MathF.Sin((time * 1.1f) + fish.Phase) * unit * 0.012f));
        var length = fish.Size * unit;
        var light = Vector3.Lerp(_deep * 0.35f, Vector3.Lerp(_palette.Accent, _top, 0.5f), 0.25f + (0.5f * fish.Hue));
        var wag = MathF.Sin((time * (9 + (fish.Hue * 4))) + fish.Phase);
        for (var step = -(int)length; step <= (int)(length * 1.5f); step++)
        {
            var along = step / length; // -1 nose, 1 tail root, then the fin
            var body = along < 1 ? MathF.Sqrt(MathF.Max(0, 1 - (along * along))) * (0.42f - (0.12f * along)) : (along - 0.92f) * 0.75f;
            var px = x - (step * _drift);
            var py = y + (wag * MathF.Max(0, along) * along * length * 0.16f);
            var half = body * length;
            for (var row = (int)(py - half); row <= (int)(py + half); row++)
            {
                var belly = Maths.Smooth(-half, half, row - py);
                if (row >= 0 && row < frame.Height && px >= 0 && px < frame.Width)
                    frame.Cover((row * frame.Stride) + (int)px, light * (1.35f - (0.75f * belly)), 0.9f * Maths.Clamp01(half - MathF.Abs(row - py) + 0.5f));
            }
        }
    }

    [MethodImpl(Maths.Hot)]
    private void Paint(Frame frame, Weed weed, float time)
    {
        var unit = frame.Unit;
        var tall = weed.Tall * unit * (0.6f + (0.6f * weed.Near));
        var root = frame.Height - (unit * 0.06f * (1 - weed.Near));
        var green = Vector3.Lerp(Vector3.Lerp(_deep, _top, 0.42f), Vector3.Lerp(_palette.Shade, new Vector3(0.006f, 0.03f, 0.02f), 0.5f), MathF.Pow(weed.Near, 0.7f));
        for (var y = 0; y < (int)tall; y++)
        {
            var up = y / tall;
            var sway = MathF.Sin((time * 0.9f) + weed.Phase + (up * 2.6f)) * up * up * unit * 0.045f;
            var leaf = 0.55f + (0.45f * MathF.Abs(MathF.Sin((up * 17) + weed.Phase)));
            var half = weed.Wide * unit * (1 - (up * up)) * leaf * (0.5f + weed.Near);
            frame.Span((int)root - y, (weed.X * frame.Width) + sway - half, (weed.X * frame.Width) + sway + half, green * (0.75f + (0.5f * up)));
        }
    }

    private void Jellyfish(Frame frame, int index, float time)
    {
        var unit = frame.Unit;
        var size = unit * (0.05f + (0.055f * Noise.Hash(index, 1, _seed)));
        var pulse = MathF.Sin((time * 2.1f) + (index * 1.7f));
        var x = (frame.Width * (0.16f + (0.23f * index))) + (MathF.Sin((time * 0.4f) + index) * unit * 0.04f);
        var y = (frame.Height * (0.3f + (0.25f * Noise.Hash(index, 2, _seed)))) - (time * unit * 0.014f) - (pulse * size * 0.08f);
        var glow = Vector3.Lerp(_palette.Accent, _palette.Accent2, Noise.Hash(index, 3, _seed));
        frame.Glow(x, y, size * 3.2f, glow * 0.2f);
        var wide = size * (1 + (0.1f * pulse));
        for (var row = (int)-size; row <= 0; row++)
        {
            var half = wide * MathF.Sqrt(MathF.Max(0, 1 - (row * row / (size * size))));
            frame.Span((int)(y + row), x - half, x + half, glow * (0.55f + (0.6f * -row / size)), 0.5f);
        }

        for (var arm = 0; arm < 9; arm++)
        {
            var rootX = x + ((arm - 4) / 4.5f * wide * 0.85f);
            for (var step = 0; step < (int)(size * 2.4f); step++)
            {
                var down = step / (size * 2.4f);
                var sway = MathF.Sin((time * 2) - (down * 5) + arm + index) * size * 0.2f * down;
                frame.Span((int)(y + step), rootX + sway - (unit * 0.0015f), rootX + sway + (unit * 0.0015f), glow * 0.9f, 0.55f * (1 - down));
            }
        }
    }

    private void Bubbles(Frame frame, float time)
    {
        var unit = frame.Unit;
        for (var i = 0; i < 60; i++)
        {
            var speed = 0.07f + (0.12f * Noise.Hash(i, 1, _seed + 30));
            var rise = Noise.Hash(i, 2, _seed + 30) + (time * speed);
            rise -= MathF.Floor(rise);
            var x = (Noise.Hash(i / 6, 3, _seed + 30) * frame.Width) + (unit * 0.05f * (Noise.Hash(i, 4, _seed + 30) - 0.5f)) + (MathF.Sin((time * 3) + i) * unit * 0.006f);
            var y = frame.Height * (1.03f - (rise * 1.1f));
            var radius = unit * (0.0018f + (0.0055f * MathF.Pow(Noise.Hash(i, 5, _seed + 30), 3))) * (0.7f + (0.6f * rise));
            frame.Disc(x, y, radius, _top * 1.2f, 0.16f);
            frame.Glow(x - (radius * 0.35f), y - (radius * 0.35f), radius * 0.8f, new Vector3(0.7f, 0.85f, 0.9f) * 0.7f);
        }
    }

    private readonly record struct Fish(float X, float Y, float Size, float Speed, float Phase, float Hue);

    private readonly record struct Weed(float X, float Tall, float Wide, float Phase, float Near);
}
