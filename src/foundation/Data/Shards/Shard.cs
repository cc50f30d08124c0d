namespace SkyRiff.Data;

/// <summary>One shard of the directory, by its position in the options.</summary>
public readonly record struct Shard(int Number)
{
    public override string ToString() => "shard " + Number;
}
