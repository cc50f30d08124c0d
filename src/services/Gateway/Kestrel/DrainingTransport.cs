using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using SkyRiff.Gateway.Lean;

namespace SkyRiff.Gateway.Kestrel;

/// <summary>
/// Kestrel's sockets, with a stop in two steps: first nobody new is let in while everybody who was is served, and then the server's own stop. That one unbinds
/// and ends connections at once, and whoever came at the last moment gets a reset instead of an answer.
/// </summary>
internal sealed class DrainingTransport : IConnectionListenerFactory
{
    private readonly TaskCompletionSource _emptied = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _unbound = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IConnectionListenerFactory? _sockets;
    private IConnectionListener? _listener;
    private Socket? _socket;
    private int _open = 1; // the listener itself

    /// <summary>Where it listens, once it does; one address only.</summary>
    public IPEndPoint EndPoint => (IPEndPoint)_listener!.EndPoint;

    /// <summary>Nobody new is let in, and nobody is there.</summary>
    public Task Emptied => _emptied.Task;

    public void Configure(SocketTransportOptions options)
    {
        options.Backlog = 4096;
        // Nothing on a request's way blocks, so it is done where its bytes arrive, without a change of threads.
        options.UnsafePreferInlineScheduling = true;
        // A buffer of 4 KB stays with an idle connection; a system call per read is saved.
        options.WaitForDataBeforeAllocatingBuffer = false;
        options.CreateBoundListenSocket = endpoint =>
        {
            _socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
            // Accepted sockets inherit it.
            if (OperatingSystem.IsLinux() && endpoint is IPEndPoint) Libc.SetUnsentMax((int)_socket.SafeHandle.DangerousGetHandle(), LeanOptions.UnsentBytesMax);
            return _socket;
        };
    }

    public DrainingTransport Over(IConnectionListenerFactory sockets)
    {
        _sockets = sockets;
        return this;
    }

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        _listener = await _sockets!.BindAsync(endpoint, cancellationToken);
        return new Listener(this, _listener);
    }

    /// <summary>Lets in who is queued before it closes, since the kernel resets what is left.</summary>
    public async Task StopListeningAsync()
    {
        if (OperatingSystem.IsLinux() && _socket is { AddressFamily: not AddressFamily.Unix } socket) Libc.SetDeaf((int)socket.SafeHandle.DangerousGetHandle());
        while (!_emptied.Task.IsCompleted && _socket!.Poll(0, SelectMode.SelectRead)) await Task.Yield();
        await _listener!.UnbindAsync(CancellationToken.None);
    }

    private void Left()
    {
        if (Interlocked.Decrement(ref _open) == 0) _emptied.TrySetResult();
    }

    private sealed class Listener(DrainingTransport transport, IConnectionListener sockets) : IConnectionListener
    {
        private bool _hasEnded;

        public EndPoint EndPoint => sockets.EndPoint;

        /// <summary>Null, which ends the server's loop, not before the server itself stops.</summary>
        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            if (!_hasEnded && await sockets.AcceptAsync(cancellationToken) is { } connection)
            {
                Interlocked.Increment(ref transport._open);
                connection.ConnectionClosed.UnsafeRegister(static state => ((DrainingTransport)state!).Left(), transport);
                return connection;
            }
            if (!_hasEnded) transport.Left(); // nobody is on the way from there to here any more
            _hasEnded = true;
            await transport._unbound.Task;
            return null;
        }

        public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            await sockets.UnbindAsync(cancellationToken);
            transport._unbound.TrySetResult();
        }

        public ValueTask DisposeAsync() => sockets.DisposeAsync();
    }
}
