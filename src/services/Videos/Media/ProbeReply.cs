using System.Text.Json;
using System.Text.Json.Serialization;

namespace SkyRiff.Videos.Media;

/// <summary>The part of ffprobe's JSON that we ask for.</summary>
internal sealed record ProbeReply(List<ProbeStream>? Streams, ProbeFormat? Format)
{
    /// <summary>Null when it is no such JSON, which a tool that was stopped half-way leaves.</summary>
    public static ProbeReply? Parse(ReadOnlySpan<byte> reply)
    {
        try
        {
            return JsonSerializer.Deserialize(reply, ProbeJson.Default.ProbeReply);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

internal sealed record ProbeFormat(string? Duration);

internal sealed record ProbeStream(
    string? CodecType,
    string? CodecName,
    int Width,
    int Height,
    string? PixFmt,
    string? Duration,
    string? AvgFrameRate,
    string? SampleAspectRatio,
    ProbeDisposition? Disposition,
    List<ProbeSideData>? SideDataList);

internal sealed record ProbeDisposition(int AttachedPic);

internal sealed record ProbeSideData(int? Rotation);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ProbeReply))]
internal sealed partial class ProbeJson : JsonSerializerContext;
