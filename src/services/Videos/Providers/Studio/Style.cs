namespace SkyRiff.Videos.Providers.Studio;

/// <summary>What a scene shows.</summary>
internal enum Style
{
    Sea,
    Fire,
    City,
    Space,
    Forest,
    Mountain,
    Desert,
    Rain,
    Aurora,
    Underwater,
    Meadow,
    Clouds,
    Abstract,
}

/// <summary>What falls or floats in front of a scene.</summary>
internal enum Weather
{
    None,
    Rain,
    Storm,
    Snow,
    Embers,
    Fireflies,
    Petals,
    Dust,
}
