using System.Numerics;
using System.Runtime.CompilerServices;
using SkyRiff.Videos.Providers.Studio.Painting;

namespace SkyRiff.Videos.Providers.Studio.Scenes;

/// <summary>A skyline across the water: three rows of towers sliding past each other, lit windows, signs, traffic, and all of it mirrored.</summary>
internal sealed class CityScene : Scene
{
    private const float Waterline = 0.765f;

    private readonly Palette _palette;
    private readonly Sky _sky;
    private readonly Row[] _rows;
    private readonly float _drift;
    private readonly int _seed;
    private readonly bool _neon;
    private readonly float _lit;

    public CityScene(SceneScript script)
    {
        var dice = new Dice(script.Seed + 5);
        (_palette, _seed, _drift) = (script.Palette, dice.Pick(1 << 20), script.Drift);
        _neon = script.Mood is Mood.Neon or Mood.Dream;
        _lit = script.Mood is Mood.Day or Mood.Pastel or Mood.Ice or Mood.Golden ? 0.16f : script.Mood is Mood.Sunset or Mood.Dawn ? 0.36f : 0.5f;
        _sky = new Sky(_palette, _seed) { Horizon = Waterline + 0.03f, Clouds = Math.Max(script.Overcast, dice.Between(0.3f, 0.55f)), Disc = _neon ? 0.16f : 0.04f, SunX = dice.Between(0.3f, 0.7f), Reach = Waterline };
        _rows =
        [
            Build(dice, depth: 0, count: 70, 0.2f, 0.56f, 0.045f, 0.09f),
            Build(dice, depth: 1, count: 44, 0.13f, 0.46f, 0.06f, 0.13f),
            Build(dice, depth: 2, count: 26, 0.06f, 0.27f, 0.11f, 0.2f),
        ];
    }

    public override void Paint(Frame frame, Moment moment)
    {
        var time = moment.Time;
        var travel = _drift * (time - 2) * frame.Unit;
        _sky.Paint(frame, time, travel * 0.004f);
        var ground = frame.Height * Waterline;
        foreach (var row in _rows)
        {
            foreach (var tower in row.Towers) Paint(frame, tower, row, ground, travel, time);
            Haze(frame, ground, row.Depth);
        }

        Traffic(frame, ground, travel, time);
        Brush.Mirror(frame, ground, time, _seed + 70, new Vector3(0.86f, 0.92f, 1), 0.045f, _palette.Shade * 0.8f);
    }

    private static Row Build(Dice dice, int depth, int count, float low, float high, float narrow, float wide)
    {
        var towers = new List<Tower>();
        var x = -2.6f;
        for (var i = 0; i < count; i++)
        {
            var width = dice.Between(narrow, wide);
            // Towers gather toward the middle, as downtowns do.
            var center = MathF.Exp(-x * x * 0.5f);
            var height = dice.Between(low, Maths.Lerp(low + 0.08f, high, center)) * (dice.Chance(0.12f) ? 1.25f : 1);
            towers.Add(new Tower(
                x, width, height, dice.Pick(1 << 16), Columns: Math.Max(3, (int)(width * (depth == 2 ? 78 : 96))), Crown: dice.Pick(4),
                Sign: depth > 0 && dice.Chance(0.3f) ? dice.Share() : -1, Warm: dice.Share()));
            x += width + (dice.Chance(0.25f) ? dice.Between(0.01f, 0.07f) : 0.004f);
        }

        return new Row(depth, 0.008f + (depth * 0.012f), towers);
    }

    private void Paint(Frame frame, Tower tower, Row row, float ground, float travel, float time)
    {
        var unit = frame.Unit;
        var left = (frame.Width / 2f) + (tower.X * unit) + (travel * row.Speed);
        var right = left + (tower.Width * unit);
        if (right < 0 || left > frame.Width) return;
        var top = ground - (tower.Height * unit);
        var near = (row.Depth + 1) / 3f;
        var body = Vector3.Lerp(Vector3.Lerp(_palette.Fog, _palette.Horizon, 0.35f) * 0.55f, _palette.Shade * 1.3f, 0.05f + (0.85f * near)) * (0.8f + (0.4f * tower.Warm));
        frame.Rectangle(left, top, right, ground + 1, body);
        // The side toward the sun catches a little of it.
        var sunlit = (left + right) / 2 < _sky.SunX * frame.Width ? right : left;
        frame.Rectangle(sunlit - (unit * 0.002f), top, sunlit + (unit * 0.002f), ground, body + (_palette.Sun * (0.03f * (1.3f - near))), 0.8f);
        Crown(frame, tower, left, right, top, body, time, near);
        Windows(frame, tower, left, top, right, ground, time, near);
        if (tower.Sign >= 0) Sign(frame, tower, left, right, top, ground, time, near);
    }

    private void Crown(Frame frame, Tower tower, float left, float right, float top, Vector3 body, float time, float near)
    {
        var (unit, middle) = (frame.Unit, (left + right) / 2);
        if (tower.Crown == 1) frame.Rectangle(left + ((right - left) * 0.2f), top - (unit * 0.02f), right - ((right - left) * 0.2f), top + 1, body);
        if (tower.Crown == 2)
        {
            frame.Rectangle(middle - (unit * 0.0018f), top - (unit * 0.07f), middle + (unit * 0.0018f), top, body);
            var blink = MathF.Max(0, MathF.Sin((time * 3.1f) + (tower.Seed % 7)));
            frame.Glow(middle, top - (unit * 0.07f), unit * 0.011f, new Vector3(2.4f, 0.16f, 0.1f) * (blink * blink * near));
        }

        if (tower.Crown != 3) return;
        for (var step = 0; step < 12; step++)
        {
            var inset = (right - left) * 0.5f * step / 12;
            frame.Rectangle(left + inset, top - ((step + 1) * unit * 0.0042f), right - inset, top - (step * unit * 0.0042f) + 0.5f, body);
        }
    }

    [MethodImpl(Maths.Hot)]
    private void Windows(Frame frame, Tower tower, float left, float top, float right, float ground, float time, float near)
    {
        var unit = frame.Unit;
        var pitch = (right - left) / (tower.Columns + 0.6f);
        var storey = pitch * 1.5f;
        var rows = (int)((ground - top - (unit * 0.012f)) / storey);
        var warm = Vector3.Lerp(_palette.Accent, new Vector3(1, 0.78f, 0.48f), 0.55f);
        var cool = Vector3.Lerp(_palette.Accent2, new Vector3(0.75f, 0.88f, 1), 0.5f);
        for (var r = 0; r < rows; r++)
        {
            // Whole floors stay bright or dark; that is what makes it look inhabited.
            var floor = Noise.Hash(r, 7, tower.Seed);
            for (var c = 0; c < tower.Columns; c++)
            {
                var chance = Noise.Hash(c, r, tower.Seed);
                if (chance > _lit * (0.45f + (1.1f * floor))) continue;
                var flick = chance < 0.03f ? Maths.Smooth(-0.2f, 0.2f, MathF.Sin((time * 1.3f) + (c * 2.1f) + r)) : 1;
                var light = Vector3.Lerp(warm, cool, Noise.Hash(c, r, tower.Seed + 1) < 0.25f + (0.3f * tower.Warm) ? 0.85f : 0.05f);
                var strength = (0.25f + (1.35f * Noise.Hash(r, c, tower.Seed + 2))) * (0.4f + (0.6f * near)) * flick;
                var x = left + (pitch * (c + 0.55f));
                var y = top + (unit * 0.008f) + (storey * r);
                frame.Rectangle(x, y, x + (pitch * 0.58f), y + (storey * 0.55f), light * strength, 0.92f);
            }
        }
    }

    private void Sign(Frame frame, Tower tower, float left, float right, float top, float ground, float time, float near)
    {
        var unit = frame.Unit;
        var light = (tower.Seed % 3) switch { 0 => _palette.Accent, 1 => _palette.Accent2, _ => Vector3.Lerp(_palette.Accent, _palette.Accent2, 0.5f) };
        var pulse = 0.82f + (0.18f * MathF.Sin((time * (2 + (tower.Seed % 5))) + tower.Seed));
        var strength = (_neon ? 2.3f : 0.9f) * pulse * near * (_lit + 0.35f);
        var height = (ground - top) * (0.18f + (0.3f * tower.Sign));
        var y = top + ((ground - top) * 0.12f);
        var x = tower.Seed % 2 == 0 ? left + (unit * 0.004f) : right - (unit * 0.016f);
        if (tower.Sign > 0.45f) frame.Rectangle(x, y, x + (unit * 0.012f), y + height, light * strength);
        else frame.Rectangle(left, top, right, top + (unit * 0.006f), light * strength);
        frame.Glow(x + (unit * 0.006f), y + (height / 2), height * 0.8f, light * (0.1f * strength));
    }

    /// <summary>The town's own light on its own dust, thickest near the water.</summary>
    [MethodImpl(Maths.Hot)]
    private void Haze(Frame frame, float ground, int depth)
    {
        var glow = Vector3.Lerp(Vector3.Lerp(_palette.Fog, _palette.Horizon, 0.5f), _palette.Accent, 0.3f) * (_neon ? 0.55f : 0.5f);
        for (var y = (int)(ground * 0.5f); y < (int)ground + 1 && y < frame.Height; y++)
        {
            var share = Maths.Smooth(ground * 0.5f, ground, y);
            var cover = new Vector<float>(share * share * (0.62f - (depth * 0.2f)));
            for (var x = 0; x < frame.Stride; x += Maths.LaneCount) frame.Cover((y * frame.Stride) + x, Light.Of(glow), cover);
        }
    }

    private void Traffic(Frame frame, float ground, float travel, float time)
    {
        var unit = frame.Unit;
        frame.Rectangle(0, ground - (unit * 0.012f), frame.Width, ground + 1, _palette.Shade * 0.6f);
        for (var i = 0; i < 46; i++)
        {
            var away = i % 2 == 0;
            var speed = (0.07f + (0.08f * Noise.Hash(i, 1, _seed))) * (away ? 1 : -1);
            var lap = (Noise.Hash(i, 2, _seed) * 4) + (time * speed);
            var x = ((lap - (4 * MathF.Floor(lap / 4)) - 2) * unit) + (frame.Width / 2f) + (travel * 0.03f);
            var light = away ? new Vector3(1.5f, 0.16f, 0.1f) : new Vector3(1.5f, 1.4f, 1.15f);
            frame.Glow(x, ground - (unit * (away ? 0.008f : 0.0045f)), unit * 0.006f, light * (0.7f + _lit));
        }
    }

    private sealed record Row(int Depth, float Speed, IReadOnlyList<Tower> Towers);

    private sealed record Tower(float X, float Width, float Height, int Seed, int Columns, int Crown, float Sign, float Warm);
}
