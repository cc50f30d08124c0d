using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>
/// Open water to the horizon under a moving sky. The water is a plane seen in perspective: each pixel finds its place on it, the waves' slope
/// there turns the mirrored sky, and the sun breaks into a path of glints.
/// </summary>
internal sealed class SeaScene : Scene
{
    private const float Bob = 0.004f; // how far the horizon goes up and down, as a share of the height

    private readonly Palette _palette;
    private readonly Sky _sky;
    private readonly int _seed;
    private readonly float _drift;
    private readonly float _height;
    private readonly float _swell;

    public SeaScene(SceneScript script)
    {
        var dice = new Dice(script.Seed + 1);
        (_palette, _seed, _drift) = (script.Palette, dice.Pick(1 << 20), script.Drift);
        _height = dice.Between(0.44f, 0.54f);
        _swell = script.Mood == Mood.Storm || script.Weather == Weather.Storm ? 1.7f : dice.Between(0.8f, 1.1f);
        _sky = new Sky(_palette, _seed) { Horizon = _height, Clouds = Math.Max(script.Overcast, dice.Between(0.35f, 0.6f)), SunX = dice.Between(0.3f, 0.7f), Disc = script.Overcast > 0.8f ? 0 : 0.045f, Reach = _height + Bob };
    }

    public override void Paint(Frame frame, Moment moment)
    {
        var shift = _drift * moment.Time * frame.Unit * 0.006f;
        _sky.Paint(frame, moment.Time, shift);
        PaintWater(frame, moment, shift);
    }

    [MethodImpl(Maths.Hot)]
    private void PaintWater(Frame frame, Moment moment, float shift)
    {
        var horizon = (int)(frame.Height * (_height + (MathF.Sin(moment.Time * 0.9f) * Bob)));
        var unit = frame.Unit;
        var waves = new Waves(frame);
        for (var y = Math.Max(horizon, 0); y < frame.Height; y++)
        {
            var below = (y + 0.5f - horizon) / unit;
            var depth = 0.32f / (below + 0.006f);
            waves.Run(new Water(_seed, moment.Time, 1 / (1 + (depth * 0.12f)), (depth * 1.9f) + (moment.Time * 0.55f)), -((frame.Width / 2f) + (shift * 3)), depth / unit);
            PaintRow(frame, y, below, depth, waves, _sky.SunPosition(frame, shift));
        }
    }

    [MethodImpl(Maths.Hot)]
    private void PaintRow(Frame frame, int y, float below, float depth, Waves waves, Vector2 sun)
    {
        var unit = frame.Unit;
        var deep = Vector3.Lerp(_palette.Zenith, new Vector3(0.004f, 0.03f, 0.045f), 0.55f) * 0.55f;
        var (bodyLow, bodyHigh) = (Light.Of(deep), Light.Of(Vector3.Lerp(deep, new Vector3(0.02f, 0.2f, 0.2f), 0.5f) + (_palette.Middle * 0.06f)));
        var (skyLow, skyMiddle, skyHigh) = (Light.Of(_palette.Horizon), Light.Of(_palette.Middle), Light.Of(_palette.Zenith));
        var width = 0.05f + (below * 0.2f);
        var sunlight = Light.Of(_palette.Sun * (0.5f / (1 + (below * 1.4f))));
        var foamLight = Light.Of((_palette.Horizon * 0.6f) + (_palette.Sun * 0.04f));
        var foamShare = 0.5f * Maths.Smooth(0, 0.35f, below);
        var hazeLight = Light.Of(Vector3.Lerp(_palette.Horizon, _palette.Fog, 0.5f));
        var haze = new Vector<float>(Maths.Smooth(8, 44, depth) * 0.75f);
        var fine = 1 / (1 + (depth * 0.12f));
        for (var x = 0; x < frame.Stride; x += Maths.LaneCount)
        {
            var (slopeX, slopeY, crest) = (Maths.Load(waves.SlopeX, x), Maths.Load(waves.SlopeY, x), Maths.Load(waves.Crest, x));
            // The mirrored ray leaves upwards the more, the more the wave leans to us.
            var lift = Maths.Clamp01((slopeY * (0.55f * _swell)) + new Vector<float>(0.08f + (below * 0.55f)));
            var mirrored = Light.Mix(Light.Mix(skyLow, skyMiddle, Maths.Smooth(0, 0.4f, lift)), skyHigh, Maths.Smooth(0.28f, 1, lift));
            var fresnel = Maths.Clamp01(new Vector<float>(0.92f - (below * 3.1f * 0.34f)) - (slopeY * (0.5f * _swell)));
            var body = Light.Mix(bodyLow, bodyHigh, Maths.Clamp01((crest * 0.55f) + new Vector<float>(0.25f)));
            var light = Light.Mix(body, mirrored * new Vector<float>(0.92f), (fresnel * 0.82f) + new Vector<float>(0.1f));

            var offX = ((Maths.Lanes + new Vector<float>(x - sun.X)) * (1 / unit)) + (slopeX * (0.34f * _swell * fine));
            var glint = Maths.Decay(offX * offX * (1 / (width * width))) * Maths.Smooth(0.1f, 0.75f, (slopeY * 1.1f) + new Vector<float>(0.32f + (0.3f * (1 - fine))));
            light += sunlight * (glint * glint);
            light = Light.Mix(light, foamLight, Maths.Smooth(0.72f, 1.05f, crest) * foamShare);
            frame.Set((y * frame.Stride) + x, Light.Mix(light, hazeLight, haze));
        }
    }

    /// <summary>
    /// What the waves of one row of pixels are made of: <paramref name="Along"/> says how far off the row lies, <paramref name="Fine"/> how much of the finer
    /// waves is left where they get smaller than pixels. Long swells roll towards us; ripples run over them both ways.
    /// </summary>
    private readonly record struct Water(int Seed, float Time, float Fine, float Along)
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (Vector<float> Swell, Vector<float> A, Vector<float> B) Long(Vector<float> across)
        {
            var along = new Vector<float>(Along);
            var swell = Noise.At((across * 0.75f) + new Vector<float>(Time * 0.08f), along * 1.25f, Seed);
            var sway = swell * 0.5f;
            var a = Noise.At((across * 2.4f) + sway + new Vector<float>(Time * 0.3f), (along * 3.5f) + sway, Seed + 1);
            var b = Noise.At((across * 4.6f) - new Vector<float>(Time * 0.35f), (along * 7.3f) + (a * 0.5f) + new Vector<float>(Time * 0.25f), Seed + 2);
            return (swell, a, b);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> Short(Vector<float> across, Vector<float> a) =>
            Noise.At((across * 10.5f) + a + new Vector<float>(Time * 0.6f), new Vector<float>((Along * 14f) + (Time * 0.9f)), Seed + 3) * Fine;

        /// <summary>Two: close by, what was a ripple is a wave, and the second takes its place.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (Vector<float> D, Vector<float> Near) Ripples(Vector<float> across, Vector<float> b, Vector<float> c)
        {
            var d = Noise.At((across * 25f) - new Vector<float>(Time * 0.9f), new Vector<float>((Along * 30) + (Time * 1.3f)) + b, Seed + 4) * (Fine * Fine);
            var near = Noise.At((across * 46) + (c * 1.5f) + new Vector<float>(Time * 0.8f), new Vector<float>((Along * 52) + (Time * 1.6f)) + (d * 1.5f), Seed + 5) * (Fine * Fine * Fine * 0.8f);
            return (d, near);
        }
    }

    /// <summary>
    /// Slope of one row of water across and along, and how near the top of a wave, pixel by pixel. What is long is reckoned at every fourth pixel, what is short at
    /// every second, and only ripples at each; far off, where all of it is but pixels wide, everything is reckoned at each.
    /// </summary>
    private sealed class Waves(Frame frame)
    {
        /// <summary>Map units from pixel to pixel beyond which nothing is left out.</summary>
        private const float StepMax = 0.008f;

        private const int Margin = 16;

        private readonly int _width = frame.Stride;
        private readonly float[] _a = frame.Scratch(10, frame.Stride + (2 * Margin));
        private readonly float[] _b = frame.Scratch(11, frame.Stride + (2 * Margin));
        private readonly float[] _c = frame.Scratch(12, frame.Stride + (2 * Margin));

        public float[] SlopeX { get; } = frame.Scratch(13, frame.Stride + (2 * Margin));

        public float[] SlopeY { get; } = frame.Scratch(14, frame.Stride + (2 * Margin));

        public float[] Crest { get; } = frame.Scratch(15, frame.Stride + (2 * Margin));

        /// <summary>Reckons the row whose first pixel lies at <paramref name="from"/> times <paramref name="step"/>.</summary>
        public void Run(Water water, float from, float step)
        {
            var sparse = step < StepMax;
            RunLong(water, from, step, sparse ? 4 : 1);
            if (sparse) Spread(_width / 2, _a, _b);
            RunShort(water, from, step, sparse ? 2 : 1);
            if (sparse) Spread(_width, _b, _c);
            RunRipples(water, from, step);
        }

        [MethodImpl(Maths.Hot)]
        private void RunLong(Water water, float from, float step, int every)
        {
            for (var x = 0; x < (_width / every) + Maths.LaneCount; x += Maths.LaneCount)
            {
                var (swell, a, b) = water.Long(((Maths.Lanes + new Vector<float>(x)) * every + new Vector<float>(from)) * step);
                Maths.Store(a, _a, x);
                Maths.Store(b, _b, x);
                Maths.Store((swell * 0.42f) + (a * 0.5f) + (b * 0.34f), SlopeY, x);
                Maths.Store((b * 0.6f) - (a * 0.35f), SlopeX, x);
                Maths.Store((swell * 0.5f) + (a * 0.6f), Crest, x);
            }
        }

        [MethodImpl(Maths.Hot)]
        private void RunShort(Water water, float from, float step, int every)
        {
            for (var x = 0; x < (_width / every) + Maths.LaneCount; x += Maths.LaneCount)
            {
                var c = water.Short(((Maths.Lanes + new Vector<float>(x)) * every + new Vector<float>(from)) * step, Maths.Load(_a, x));
                Maths.Store(c, _c, x);
                Maths.Store(Maths.Load(SlopeY, x) + (c * 0.34f), SlopeY, x);
                Maths.Store(Maths.Load(SlopeX, x) + (c * 0.5f), SlopeX, x);
                Maths.Store(Maths.Load(Crest, x) + (c * 0.3f), Crest, x);
            }
        }

        [MethodImpl(Maths.Hot)]
        private void RunRipples(Water water, float from, float step)
        {
            for (var x = 0; x < _width; x += Maths.LaneCount)
            {
                var (d, near) = water.Ripples((Maths.Lanes + new Vector<float>(x + from)) * step, Maths.Load(_b, x), Maths.Load(_c, x));
                Maths.Store(Maths.Load(SlopeY, x) + (near * 0.24f) + (d * 0.26f), SlopeY, x);
                Maths.Store(Maths.Load(SlopeX, x) + (near * 0.3f) + (d * 0.4f), SlopeX, x);
                Maths.Store(Maths.Load(Crest, x) + (d * 0.15f), Crest, x);
            }
        }

        /// <summary>Twice as many points, the new ones half-way between the old.</summary>
        private void Spread(int width, float[] one, float[] other)
        {
            Maths.Spread(one, width);
            Maths.Spread(other, width);
            Maths.Spread(SlopeX, width);
            Maths.Spread(SlopeY, width);
            Maths.Spread(Crest, width);
        }
    }
}
