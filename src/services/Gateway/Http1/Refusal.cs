using System.Text;

namespace SkyRiff.Gateway.Http1;

/// <summary>
/// Why a message was not understood. The list is append-only: names become the <c>code</c> of the reply, a label of a metric and a word of the
/// access log (<see cref="Refusals.CodeOf"/>), and the hostile lists in the tests name them.
/// </summary>
internal enum Refusal : byte
{
    None,

    // Request line
    MethodInvalid,
    MethodNotSupported,
    RequestLineMalformed,
    TargetInvalid,
    TargetTooLong,
    TargetDotSegment,
    TargetEncodedSlash,
    TargetFormNotAllowed,
    VersionMalformed,
    VersionNotSupported,

    // Lines and fields
    BareLineFeed,
    BareCarriageReturn,
    ControlCharacter,
    ObsoleteFold,
    FieldNameInvalid,
    FieldNameEmpty,
    FieldWithoutColon,
    SpaceBeforeColon,
    UnderscoreAlias,
    HeadTooLarge,
    TooManyFields,

    // Routing fields
    HostMissing,
    HostDuplicate,
    HostInvalid,
    HostDisagrees,

    // Framing
    ContentLengthInvalid,
    ContentLengthDuplicate,
    ContentLengthWithTransferEncoding,
    TransferEncodingInvalid,
    TransferEncodingDuplicate,
    TransferEncodingNotSupported,
    TransferEncodingInHttp10,
    BodyTooLarge,
    ChunkSizeInvalid,
    ChunkSizeTooLarge,
    ChunkExtensionInvalid,
    ChunkExtensionTooLong,
    ChunkNotTerminated,
    TrailerForbidden,
    TrailerTooLarge,

    // Semantics that two readers could take differently
    ConnectionInvalid,
    ConnectionNominatesEndToEnd,
    ExpectationNotSupported,
    UpgradeInvalid,
    SingleFieldDuplicate,

    // Responses
    StatusLineMalformed,
    StatusInvalid,
    SwitchingNotAsked,
    BodyNotAllowed,

    // Time
    HeadTimeout,
    BodyTimeout,
}

internal static class Refusals
{
    private static readonly string[] Codes = [.. Enum.GetNames<Refusal>().Select(Snake)];

    /// <summary>The stable snake_case name.</summary>
    public static string CodeOf(Refusal refusal) => Codes[(int)refusal];

    /// <summary>The status that a client gets for its request. A refused response is always 502.</summary>
    public static int StatusOf(Refusal refusal) => refusal switch
    {
        Refusal.HeadTimeout or Refusal.BodyTimeout => 408,
        Refusal.TargetTooLong => 414,
        Refusal.HeadTooLarge or Refusal.TooManyFields or Refusal.TrailerTooLarge => 431,
        Refusal.BodyTooLarge or Refusal.ChunkSizeTooLarge => 413,
        Refusal.ExpectationNotSupported => 417,
        Refusal.MethodNotSupported or Refusal.TransferEncodingNotSupported => 501,
        Refusal.VersionNotSupported => 505,
        _ => 400,
    };

    private static string Snake(string name)
    {
        var text = new StringBuilder();
        foreach (var letter in name)
        {
            if (char.IsAsciiLetterUpper(letter) && text.Length > 0) text.Append('_');
            text.Append(char.ToLowerInvariant(letter));
        }
        return text.ToString();
    }
}
