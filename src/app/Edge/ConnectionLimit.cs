using System.Net;
using Microsoft.AspNetCore.Connections;
using SkyRiff.Kernel;

namespace SkyRiff.App.Edge;

/// <summary>
/// At most so many open connections per peer, so that one machine cannot hold all that the process has. A further one is closed unread: there is no request yet to
/// answer. Trusted proxies bring many clients and are not counted.
/// </summary>
internal sealed class ConnectionLimit(EdgeOptions options)
{
    private readonly PlacesPerKey<IPAddress> _places = new(options.ConnectionsPerAddress);
    private readonly IPNetwork[] _trusted = options.TrustedRanges();

    public ConnectionDelegate Before(ConnectionDelegate next) => async connection =>
    {
        if (connection.RemoteEndPoint is not IPEndPoint { Address: var peer } || ClientAddress.IsIn(_trusted, ClientAddress.Plain(peer)))
        {
            await next(connection);
            return;
        }
        var address = ClientAddress.Plain(peer);
        if (!_places.TryEnter(address))
        {
            connection.Abort(new ConnectionAbortedException("The address has as many connections as it may have."));
            return;
        }
        try
        {
            await next(connection);
        }
        finally
        {
            _places.Leave(address);
        }
    };
}
