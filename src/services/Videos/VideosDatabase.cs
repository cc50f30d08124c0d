using SkyRiff.Data;
using SkyRiff.Kernel;

namespace SkyRiff.Videos;

internal sealed class VideosDatabase(ShardMap map, Entropy entropy, TimeProvider time) : ServiceDatabase(map, entropy, time, "videos");
