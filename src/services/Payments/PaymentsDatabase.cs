using SkyRiff.Data;
using SkyRiff.Kernel;

namespace SkyRiff.Payments;

/// <summary>The schema <c>payments</c>: ledger, holds, orders, deliveries. Its role may read the ledger and call the ledger's functions, no more.</summary>
internal sealed class PaymentsDatabase(ShardMap map, Entropy entropy, TimeProvider time) : ServiceDatabase(map, entropy, time, "payments");
