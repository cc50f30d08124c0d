namespace SkyRiff.Redis;

/// <summary>One server as a client sees it at a moment.</summary>
/// <param name="Endpoint">Where it is.</param>
/// <param name="ServesReadsOnly">Whether it is used as a replica.</param>
/// <param name="ConnectionsOpen">Shared connections that are open.</param>
/// <param name="InFlight">Commands on shared connections whose replies are owed.</param>
/// <param name="Waiting">Commands that wait for room or for a connection.</param>
/// <param name="Breaks">How often a shared connection broke since the client was made.</param>
/// <param name="LastFailure">Why a shared connection is away; null when all that were tried are open.</param>
public sealed record RedisServerStatus(
    RedisEndpoint Endpoint, bool ServesReadsOnly, int ConnectionsOpen, int InFlight, int Waiting, long Breaks, string? LastFailure);
