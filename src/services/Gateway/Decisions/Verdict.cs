using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Decisions;

/// <summary>What the edge decided about one request. Reused: a front holds one per request in flight, so that deciding allocates nothing.</summary>
internal sealed class Verdict
{
    private static readonly string[] RefusalCodes = [.. Enum.GetValues<Refusal>().Select(r => "gateway." + Refusals.CodeOf(r))];

    public Route? Route { get; set; }

    /// <summary>0: forward. Otherwise the gateway answers itself.</summary>
    public int Status { get; private set; }

    /// <summary>The stable code of the problem document.</summary>
    public string Code { get; private set; } = "";

    public string Detail { get; private set; } = "";

    public PeerAddress Client { get; set; }

    public TraceContext Trace { get; set; }

    public void Clear()
    {
        Route = null;
        Status = 0;
        Code = Detail = "";
        Client = default;
    }

    public void Refuse(int status, string code, string detail) => (Status, Code, Detail) = (status, code, detail);

    public void Refuse(Refusal refusal) => Refuse(Refusals.StatusOf(refusal), RefusalCodes[(int)refusal], refusal switch
    {
        Refusal.HeadTimeout or Refusal.BodyTimeout => "The request did not arrive in time.",
        Refusal.BodyTooLarge or Refusal.HeadTooLarge or Refusal.TargetTooLong => "The request is larger than this gateway takes.",
        _ => "The request cannot be understood in exactly one way.",
    });
}
