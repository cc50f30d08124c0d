using System.Buffers.Binary;

namespace SkyRiff.Videos.Media;

/// <summary>A plain track of an MP4: H.264 pictures or AAC sound; see <see cref="PlainMp4"/>. Durations are in units of <see cref="Timescale"/>.</summary>
internal sealed class Mp4Track
{
    private const uint Unity = 0x10000; // 1 in 16.16

    private readonly Mp4MediaData _data;
    private uint _shownWidth;
    private uint _shownHeight;

    private Mp4Track(Mp4MediaData data) => _data = data;

    public bool IsVideo { get; private set; }

    public int Width { get; private set; }

    public int Height { get; private set; }

    public long Timescale { get; private set; }

    public long Duration { get; private set; }

    /// <summary>There when <see cref="Read"/> has answered.</summary>
    public Mp4SampleTable Table { get; private set; } = null!;

    /// <summary>Of the only edit, in the movie's units; null without an edit list.</summary>
    public long? EditDuration { get; private set; }

    /// <summary>Null for a track that is not plain.</summary>
    public static Mp4Track? Read(ReadOnlySpan<byte> trak, Mp4MediaData data)
    {
        var track = new Mp4Track(data);
        return track.ReadTrack(trak) && track.IsWhole() ? track : null;
    }

    private bool IsWhole() => !IsVideo || (_shownWidth == (uint)Width << 16 && _shownHeight == (uint)Height << 16);

    private bool ReadTrack(ReadOnlySpan<byte> trak)
    {
        var boxes = new Mp4Boxes(trak);
        var seen = 0;
        while (boxes.TryNext(out var box))
        {
            if (!(box.Type switch
            {
                "tkhd" => IsFirst(ref seen, 0) && ReadHeader(box.Content),
                "edts" => IsFirst(ref seen, 1) && ReadEdits(box.Content),
                "mdia" => IsFirst(ref seen, 2) && ReadMedia(box.Content),
                "udta" => box.Content.IndexOf("covr"u8) < 0,
                _ => false,
            })) return false;
        }

        return !boxes.Broken && (seen & 0b101) == 0b101;
    }

    /// <summary>tkhd: the size that is shown, and a matrix that leaves the picture as it is.</summary>
    private bool ReadHeader(ReadOnlySpan<byte> tkhd)
    {
        var fields = new Mp4Fields(tkhd);
        fields.Take((fields.UInt32() >> 24 == 1 ? 32 : 20) + 16); // times, id, duration; layer, group, volume
        ReadOnlySpan<uint> identity = [Unity, 0, 0, 0, Unity, 0, 0, 0, 1u << 30];
        foreach (var entry in identity)
        {
            if (fields.UInt32() != entry) return false;
        }

        (_shownWidth, _shownHeight) = (fields.UInt32(), fields.UInt32());
        return !fields.Short;
    }

    /// <summary>edts: one edit at normal speed, which is how encoders hide the delay of reordered frames and of the sound's first packet.</summary>
    private bool ReadEdits(ReadOnlySpan<byte> edts)
    {
        var boxes = new Mp4Boxes(edts);
        if (!boxes.TryNext(out var box) || box.Type != "elst") return false;
        var fields = new Mp4Fields(box.Content);
        var wide = fields.UInt32() >> 24 == 1;
        if (fields.UInt32() != 1) return false;
        EditDuration = wide ? (long)fields.UInt64() : fields.UInt32();
        var from = wide ? (long)fields.UInt64() : (int)fields.UInt32();
        return EditDuration > 0 && from >= 0 && fields.UInt32() == Unity && !fields.Short && !boxes.TryNext(out _);
    }

    private bool ReadMedia(ReadOnlySpan<byte> mdia)
    {
        var boxes = new Mp4Boxes(mdia);
        var seen = 0;
        while (boxes.TryNext(out var box))
        {
            if (!(box.Type switch
            {
                "mdhd" => IsFirst(ref seen, 0) && ReadMediaHeader(box.Content),
                "hdlr" => IsFirst(ref seen, 1) && ReadHandler(box.Content),
                "minf" => seen == 0b11 && IsFirst(ref seen, 2) && ReadInformation(box.Content), // in this order, so that the kind is known
                _ => false,
            })) return false;
        }

        return !boxes.Broken && seen == 0b111;
    }

    private bool ReadMediaHeader(ReadOnlySpan<byte> mdhd)
    {
        var fields = new Mp4Fields(mdhd);
        var wide = fields.UInt32() >> 24 == 1;
        fields.Take(wide ? 16 : 8);
        Timescale = fields.UInt32();
        Duration = wide ? (long)fields.UInt64() : fields.UInt32();
        return !fields.Short && Timescale is > 0 and < int.MaxValue && Duration is > 0 and < uint.MaxValue;
    }

    private bool ReadHandler(ReadOnlySpan<byte> hdlr)
    {
        var fields = new Mp4Fields(hdlr);
        fields.Take(8);
        var kind = fields.Take(4);
        IsVideo = kind.SequenceEqual("vide"u8);
        return IsVideo || kind.SequenceEqual("soun"u8);
    }

    private bool ReadInformation(ReadOnlySpan<byte> minf)
    {
        var boxes = new Mp4Boxes(minf);
        var seen = 0;
        while (boxes.TryNext(out var box))
        {
            if (!(box.Type switch
            {
                "vmhd" or "smhd" => true,
                "dinf" => IsFirst(ref seen, 0) && ReadPlace(box.Content),
                "stbl" => IsFirst(ref seen, 1) && Mp4SampleTable.Read(box.Content, _data, out var description) is { } table && ReadDescription(description) && (Table = table) is not null,
                _ => false,
            })) return false;
        }

        return !boxes.Broken && seen == 0b11;
    }

    /// <summary>dinf, dref: one entry, which says "in this file".</summary>
    private bool ReadPlace(ReadOnlySpan<byte> dinf)
    {
        var boxes = new Mp4Boxes(dinf);
        if (!boxes.TryNext(out var dref) || dref.Type != "dref" || dref.Content.Length < 8 || boxes.TryNext(out _)) return false;
        var entries = new Mp4Boxes(dref.Content[8..]);
        return BinaryPrimitives.ReadUInt32BigEndian(dref.Content[4..]) == 1 && entries.TryNext(out var entry) && entry.Type == "url " && entry.Content is [0, 0, 0, 1]
            && !entries.TryNext(out _);
    }

    /// <summary>stsd: one entry, <c>avc1</c> whose parameters say the same size, or <c>mp4a</c> whose descriptor says AAC.</summary>
    private bool ReadDescription(ReadOnlySpan<byte> stsd)
    {
        if (stsd.Length < 8 || BinaryPrimitives.ReadUInt32BigEndian(stsd[4..]) != 1) return false;
        var entries = new Mp4Boxes(stsd[8..]);
        if (!entries.TryNext(out var entry) || entries.TryNext(out _)) return false;
        return IsVideo ? entry.Type == "avc1" && ReadPictures(entry.Content) : entry.Type == "mp4a" && Mp4Sound.IsAac(entry.Content);
    }

    private bool ReadPictures(ReadOnlySpan<byte> avc1)
    {
        var fields = new Mp4Fields(avc1);
        fields.Take(24);
        (Width, Height) = (fields.UInt16(), fields.UInt16());
        fields.Take(50);
        if (fields.Short) return false;
        var boxes = new Mp4Boxes(fields.Rest());
        var seen = 0;
        while (boxes.TryNext(out var box))
        {
            if (!(box.Type switch
            {
                "avcC" => IsFirst(ref seen, 0) && AvcParameters.PlainSize(box.Content) == (Width, Height),
                "pasp" => IsFirst(ref seen, 1) && box.Content.Length == 8 && box.Content[..4].SequenceEqual(box.Content[4..]) && box.Content[..4].ContainsAnyExcept((byte)0),
                "colr" => IsFirst(ref seen, 2) && IsVideoRange(box.Content),
                "btrt" => true,
                _ => false,
            })) return false;
        }

        return !boxes.Broken && (seen & 1) == 1;
    }

    /// <summary>colr: the full range is another pixel format.</summary>
    private static bool IsVideoRange(ReadOnlySpan<byte> colr) =>
        colr.Length >= 10 && (colr[..4].SequenceEqual("nclc"u8) || (colr[..4].SequenceEqual("nclx"u8) && colr is [_, _, _, _, _, _, _, _, _, _, 0]));

    private static bool IsFirst(ref int seen, int bit)
    {
        var first = (seen & (1 << bit)) == 0;
        seen |= 1 << bit;
        return first;
    }
}
