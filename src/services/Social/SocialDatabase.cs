using SkyRiff.Data;
using SkyRiff.Kernel;

namespace SkyRiff.Social;

/// <summary>The schema <c>social</c>: likes.</summary>
internal sealed class SocialDatabase(ShardMap map, Entropy entropy, TimeProvider time) : ServiceDatabase(map, entropy, time, "social");
