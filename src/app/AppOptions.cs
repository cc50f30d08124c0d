namespace SkyRiff.App;

/// <summary>Section <c>App</c>: the process itself.</summary>
internal sealed class AppOptions
{
    /// <summary>Which facets this process runs; see <see cref="Roles"/>.</summary>
    public string Role { get; set; } = Roles.All;

    /// <summary>1 to 65535.</summary>
    public int Port { get; set; } = 5080;

    /// <summary>The address to listen on: this machine alone, unless told otherwise.</summary>
    public string Address { get; set; } = "127.0.0.1";

    /// <summary>How browsers and payment providers reach this instance, such as <c>https://clips.example.org</c>; empty: <c>http://localhost:PORT</c>.</summary>
    public string PublicUrl { get; set; } = "";

    /// <summary>The built web app; empty: found beside the program or the sources.</summary>
    public string WebRoot { get; set; } = "";

    /// <summary>How long calls and jobs in progress may take to end when the process is told to stop, 1 s to 5 min.</summary>
    public TimeSpan StopGrace { get; set; } = TimeSpan.FromSeconds(10);

    public string Url => PublicUrl.Length > 0 ? PublicUrl.TrimEnd('/') : $"http://localhost:{Port}";

    public IEnumerable<string> Validate()
    {
        if (!Roles.Names.Contains(Role)) yield return $"App:Role is {Role}; the roles are {string.Join(", ", Roles.Names)}.";
        if (Port is < 1 or > 65_535) yield return $"App:Port is {Port}; 1 to 65535 are possible.";
        if (!System.Net.IPAddress.TryParse(Address, out _)) yield return $"App:Address is {Address}; an IP address such as 127.0.0.1 or 0.0.0.0 is needed.";
        if (PublicUrl.Length > 0 && (!Uri.TryCreate(PublicUrl, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))) yield return $"App:PublicUrl is {PublicUrl}; an http or https address is needed.";
        if (StopGrace < TimeSpan.FromSeconds(1) || StopGrace > TimeSpan.FromMinutes(5)) yield return $"App:StopGrace is {StopGrace}; 1 s to 5 min are possible.";
    }
}
