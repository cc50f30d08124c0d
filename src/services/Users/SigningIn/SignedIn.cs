using SkyRiff.Users.Profiles;

namespace SkyRiff.Users.SigningIn;

/// <summary>What registering, signing in and refreshing answer.</summary>
/// <param name="ExpiresIn">Seconds that the access token lives.</param>
internal sealed record SignedIn(Me User, string AccessToken, int ExpiresIn, string RefreshToken);
