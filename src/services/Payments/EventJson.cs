using System.Text.Json;
using System.Text.Json.Serialization;
using SkyRiff.Data;
using SkyRiff.Http;

namespace SkyRiff.Payments;

/// <summary>Events as JSON: like the API's, but members that a newer writer added are passed over.</summary>
internal static class EventJson
{
    private static readonly JsonSerializerOptions Options = new(ApiJson.Options) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip };

    public static string Write<T>(T payload) => JsonSerializer.Serialize(payload, Options);

    public static T Read<T>(EventEnvelope envelope) =>
        JsonSerializer.Deserialize<T>(envelope.Payload, Options) ?? throw new JsonException($"Event {envelope.Id} ({envelope.Topic}) has no payload.");
}
