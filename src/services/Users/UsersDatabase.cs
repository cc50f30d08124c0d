using System.Text;
using SkyRiff.Data;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Users;

internal sealed class UsersDatabase(ShardMap map, Entropy entropy, TimeProvider time) : ServiceDatabase(map, entropy, time, "users")
{
    /// <summary>Where a handle or an e-mail address is looked up: a slot from its FNV-1a hash, so that the directory spreads over all shards.</summary>
    public static int SlotOfName(string name)
    {
        var hash = 2166136261u;
        foreach (var value in Encoding.UTF8.GetBytes(name)) hash = (hash ^ value) * 16777619u;
        return (int)(hash % Id.SlotCount);
    }

    /// <summary>The slot of what there is only one of.</summary>
    public const int HomeSlot = 0;
}
