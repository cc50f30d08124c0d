using System.Net.Sockets;
using System.Text;
using Shouldly;
using SkyRiff.SystemTests.Kit;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.SystemTests.Edge;

public sealed class ConnectionLimitTests
{
    private const int Max = 16;

    private static readonly CancellationToken Ct = CancellationToken.None;

    private static readonly byte[] Probe = Encoding.ASCII.GetBytes("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");

    [Fact]
    public async Task A_peer_has_so_many_connections_and_a_closed_one_makes_room()
    {
        await using var site = new ProgramSite(new Dictionary<string, string> { ["Edge:ConnectionsPerAddress"] = $"{Max}" });
        await site.StartAsync();
        var held = new List<Socket>();
        try
        {
            // Who waited for the program to be ready may still have connections open.
            await Eventually.TrueAsync(async () =>
            {
                while (held.Count < Max && await OpenAsync(site.Address) is { } more) held.Add(more);
                return held.Count == Max;
            }, $"{Max} connections are served");
            (await OpenAsync(site.Address)).ShouldBeNull("one more than there may be");

            held[0].Dispose();
            held.RemoveAt(0);
            await Eventually.TrueAsync(async () =>
            {
                if (await OpenAsync(site.Address) is not { } again) return false;
                held.Add(again);
                return true;
            }, "the place of the closed one is given again");
        }
        finally
        {
            held.ForEach(socket => socket.Dispose());
        }
    }

    /// <summary>A connection that was served once and stays open; null where it was closed instead.</summary>
    private static async Task<Socket?> OpenAsync(Uri address)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(address.Host, address.Port, Ct);
            await socket.SendAsync(Probe, Ct);
            if (await socket.ReceiveAsync(new byte[4_096], Ct) > 0) return socket;
        }
        catch (SocketException)
        {
            // Closed unread is a reset.
        }
        socket.Dispose();
        return null;
    }
}
