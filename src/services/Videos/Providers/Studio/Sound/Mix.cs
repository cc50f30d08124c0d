using System.Buffers.Binary;

namespace SkyRiff.Videos.Providers.Studio.Sound;

/// <summary>Two channels of a clip's length that voices add themselves to; finished with an echoing room, fades and a soft limit.</summary>
internal sealed class Mix
{
    public const int Rate = 48_000;

    private const float FadeSeconds = 0.35f;
    private const float PeakMax = 0.6f;

    private static readonly int[] Combs = [1687, 1931, 2053, 2251];
    private static readonly int[] Diffusers = [347, 113];

    public Mix(float seconds)
    {
        Length = (int)(seconds * Rate);
        (Left, Right) = (new float[Length], new float[Length]);
    }

    public int Length { get; }

    public float[] Left { get; }

    public float[] Right { get; }

    /// <summary>Adds a sample at a place between the ears: -1 left, 1 right.</summary>
    public void Add(int at, float value, float place)
    {
        if ((uint)at >= (uint)Length) return;
        Left[at] += value * (1 - Math.Max(0, place));
        Right[at] += value * (1 + Math.Min(0, place));
    }

    /// <summary>Mixes in what the room answers (Schroeder 1962: parallel combs, then all-passes).</summary>
    public void Room(float share)
    {
        Room(Left, 0, share);
        Room(Right, 23, share);
    }

    /// <summary>The mix as a WAV file of 16-bit samples.</summary>
    public byte[] ToWave()
    {
        var peak = 1e-4f;
        for (var i = 0; i < Length; i++) peak = Math.Max(peak, Math.Max(Math.Abs(Left[i]), Math.Abs(Right[i])));
        var gain = Math.Min(1, PeakMax / peak);
        var bytes = new byte[44 + (Length * 4)];
        WriteHead(bytes);
        for (var i = 0; i < Length; i++)
        {
            var fade = gain * Math.Min(1, Math.Min(i, Length - 1 - i) / (FadeSeconds * Rate));
            BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(44 + (i * 4)), (short)(Left[i] * fade * 32767));
            BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(46 + (i * 4)), (short)(Right[i] * fade * 32767));
        }

        return bytes;
    }

    private static void Room(float[] channel, int spread, float share)
    {
        var wet = new float[channel.Length];
        foreach (var delay in Combs)
        {
            var line = new float[delay + spread];
            var (at, dull) = (0, 0f);
            for (var i = 0; i < channel.Length; i++)
            {
                dull += (line[at] - dull) * 0.55f; // walls swallow the highs
                line[at] = channel[i] + (dull * 0.82f);
                wet[i] += dull * 0.25f;
                at = (at + 1) % line.Length;
            }
        }

        foreach (var delay in Diffusers)
        {
            var line = new float[delay + spread];
            var at = 0;
            for (var i = 0; i < wet.Length; i++)
            {
                var held = line[at];
                line[at] = wet[i] + (held * 0.5f);
                wet[i] = held - (wet[i] * 0.5f);
                at = (at + 1) % line.Length;
            }
        }

        for (var i = 0; i < channel.Length; i++) channel[i] += wet[i] * share;
    }

    private static void WriteHead(Span<byte> head)
    {
        var length = head.Length - 44;
        "RIFF"u8.CopyTo(head);
        BinaryPrimitives.WriteInt32LittleEndian(head[4..], 36 + length);
        "WAVEfmt "u8.CopyTo(head[8..]);
        BinaryPrimitives.WriteInt32LittleEndian(head[16..], 16);
        BinaryPrimitives.WriteInt16LittleEndian(head[20..], 1);
        BinaryPrimitives.WriteInt16LittleEndian(head[22..], 2);
        BinaryPrimitives.WriteInt32LittleEndian(head[24..], Rate);
        BinaryPrimitives.WriteInt32LittleEndian(head[28..], Rate * 4);
        BinaryPrimitives.WriteInt16LittleEndian(head[32..], 4);
        BinaryPrimitives.WriteInt16LittleEndian(head[34..], 16);
        "data"u8.CopyTo(head[36..]);
        BinaryPrimitives.WriteInt32LittleEndian(head[40..], length);
    }
}
