namespace SkyRiff.Videos.Media;

/// <summary>Whether an <c>mp4a</c> sample entry describes plain AAC: its <c>esds</c> box (ISO/IEC 14496-14, 5.6; descriptors as in 14496-1, 7.2.6) says so, and the decoder's configuration too.</summary>
internal static class Mp4Sound
{
    private const int StreamDescriptor = 3;
    private const int DecoderDescriptor = 4;
    private const int ConfigurationDescriptor = 5;
    private const int Aac = 0x40; // MPEG-4 audio
    private const int LowComplexity = 2;
    private const int SpectralReplication = 5;

    public static bool IsAac(ReadOnlySpan<byte> mp4a)
    {
        var fields = new Mp4Fields(mp4a);
        fields.Take(8);
        if (fields.UInt16() != 0) return false; // QuickTime's longer entries
        fields.Take(18);
        if (fields.Short) return false;
        var boxes = new Mp4Boxes(fields.Rest());
        var found = false;
        while (boxes.TryNext(out var box))
        {
            switch (box.Type)
            {
                case "esds":
                    if (found || !DescribesAac(box.Content)) return false;
                    found = true;
                    break;
                case "btrt":
                    break;
                default:
                    return false;
            }
        }

        return found && !boxes.Broken;
    }

    private static bool DescribesAac(ReadOnlySpan<byte> esds)
    {
        var fields = new Mp4Fields(esds);
        fields.Take(4);
        if (!TryEnter(ref fields, StreamDescriptor)) return false;
        fields.Take(2);
        if (fields.Byte() != 0 || !TryEnter(ref fields, DecoderDescriptor)) return false; // no dependency, address or clock of its own
        if (fields.Byte() != Aac) return false;
        fields.Take(12);
        if (!TryEnter(ref fields, ConfigurationDescriptor)) return false;
        var kind = fields.Byte() >> 3;
        return !fields.Short && kind is LowComplexity or SpectralReplication;
    }

    /// <summary>A descriptor's tag and its length, of which each byte but the last has its high bit set; at most four.</summary>
    private static bool TryEnter(ref Mp4Fields fields, int tag)
    {
        if (fields.Byte() != tag) return false;
        for (var i = 0; i < 4; i++)
        {
            if ((fields.Byte() & 0x80) == 0) return !fields.Short;
        }

        return false;
    }
}
