namespace SkyRiff.Resilience.Calls;

/// <summary>What a call's end says about the callee; the caller decides, since only it knows its protocol.</summary>
public enum Verdict
{
    /// <summary>It worked.</summary>
    Succeeded,

    /// <summary>The callee is well and says no (4xx): counted as a success by breakers, never repeated.</summary>
    Refused,

    /// <summary>The callee failed (5xx, reset, time limit) and another try may work.</summary>
    Failed,

    /// <summary>The callee failed and must not be asked again for this call: it may have had its effect.</summary>
    FailedForGood,

    /// <summary>The caller left; says nothing about the callee.</summary>
    Abandoned,
}
