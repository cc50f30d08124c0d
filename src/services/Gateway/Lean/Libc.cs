using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// Buffers on the stack are always written before they are read; clearing them first cost a tenth of a request's own instructions.
[module: SkipLocalsInit]

namespace SkyRiff.Gateway.Lean;

/// <summary>
/// The few system calls that the lean front makes, on Linux with glibc or musl, x64 and arm64. Nothing here blocks but
/// <see cref="EpollWait"/>: every socket is non-blocking.
/// </summary>
internal static unsafe partial class Libc
{
    public const int EpollIn = 0x1;
    public const int EpollOut = 0x4;
    public const int EpollErr = 0x8;
    public const int EpollHup = 0x10;
    public const int EpollRdHup = 0x2000;
    public const uint EpollEdgeTriggered = 1u << 31;
    public const int EpollCtlAdd = 1;
    public const int EpollCtlModify = 3;

    public const int ErrorInterrupted = 4;
    public const int ErrorAgain = 11;
    public const int ErrorTooManyFilesInSystem = 23;
    public const int ErrorTooManyFiles = 24;
    public const int ErrorInProgress = 115;

    public const int FamilyUnix = 1;
    public const int FamilyInet = 2;
    public const int FamilyInet6 = 10;
    public const int StreamNonBlockingCloseOnExec = 1 | 0x800 | 0x80000;
    public const int NonBlockingCloseOnExec = 0x800 | 0x80000;
    public const int CloseOnExec = 0x80000;
    public const int NoSignal = 0x4000;
    public const int ShutdownWrite = 1;

    private const int SolSocket = 1;
    private const int SoReuseAddress = 2;
    private const int SoError = 4;
    private const int SoLinger = 13;
    private const int SoReusePort = 15;
    private const int SoAttachFilter = 26;
    private const int IpProtoTcp = 6;
    private const int IpProtoIpv6 = 41;
    private const int TcpNoDelay = 1;
    private const int TcpNotSentLowWater = 25;
    private const int Ipv6Only = 26;

    /// <summary>epoll_event is packed on x64 only.</summary>
    public static readonly int EventBytes = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    public static readonly int EventDataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;

    private static readonly nint ReceiveFrom = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 45 : 207;
    private static readonly nint SendTo = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 44 : 206;

    public static int LastError => Marshal.GetLastPInvokeError();

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int EpollControl(int epoll, int operation, int fd, byte* epollEvent);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int EpollWait(int epoll, byte* events, int eventsMax, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    public static partial int Accept(int fd, byte* address, int* addressLength, int flags);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    public static partial int Connect(int fd, byte* address, int addressLength);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(int fd, byte* address, int addressLength);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    public static partial int Listen(int fd, int backlog);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    public static partial int GetSocketName(int fd, byte* address, int* addressLength);

    /// <summary>
    /// By number, not by name: glibc's own wrappers are cancellation points, which cost a twentieth of a request in a process with threads.
    /// </summary>
    public static nint Receive(int fd, byte* buffer, nint length, int flags) => SystemCall(ReceiveFrom, fd, (nint)buffer, length, flags, 0, 0);

    public static nint Send(int fd, byte* buffer, nint length, int flags) => SystemCall(SendTo, fd, (nint)buffer, length, flags, 0, 0);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(int fd, byte* buffer, nint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int fd, byte* buffer, nint length);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    public static partial int Shutdown(int fd, int how);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int fd);

    public static void SetNoDelay(int fd) => SetInt(fd, IpProtoTcp, TcpNoDelay, 1);

    /// <summary>How many bytes the kernel takes that it cannot send yet; without it, what a connection's buffer grows to, which is megabytes.</summary>
    public static void SetUnsentMax(int fd, int bytes) => SetInt(fd, IpProtoTcp, TcpNotSentLowWater, bytes);

    /// <summary>Closing resets the connection and drops what was not sent, instead of keeping it for a peer that does not take it.</summary>
    public static void SetResetOnClose(int fd)
    {
        var linger = 1L; // { on, 0 seconds }, two ints of which the first is the lower
        _ = SetSocketOption(fd, SolSocket, SoLinger, (int*)&linger, sizeof(long));
    }

    /// <summary>
    /// From now on a listening socket hears nothing: who asks, asks again in a second, and is then refused or finds the next process. So its queue can be emptied before it is
    /// closed, without one more coming in between, whom the kernel would reset.
    /// </summary>
    public static void SetDeaf(int fd)
    {
        var nothing = 0x06L; // one struct sock_filter: BPF_RET | BPF_K, of which 0 bytes are kept
        var program = stackalloc long[2]; // struct sock_fprog: how many, where
        program[0] = 1;
        program[1] = (long)&nothing;
        _ = SetSocketOption(fd, SolSocket, SoAttachFilter, (int*)program, 2 * sizeof(long));
    }

    public static void SetReuse(int fd)
    {
        SetInt(fd, SolSocket, SoReuseAddress, 1);
        SetInt(fd, SolSocket, SoReusePort, 1);
    }

    public static void SetDualStack(int fd) => SetInt(fd, IpProtoIpv6, Ipv6Only, 0);

    /// <summary>How a non-blocking connect ended: 0, or errno.</summary>
    public static int ConnectResult(int fd)
    {
        int value;
        var length = sizeof(int);
        return GetSocketOption(fd, SolSocket, SoError, &value, &length) == 0 ? value : LastError;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetSocketOption(int fd, int level, int option, int* value, int length);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetSocketOption(int fd, int level, int option, int* value, int* length);

    private static void SetInt(int fd, int level, int option, int value)
    {
        // Failing is harmless: a Unix socket has no TCP options.
        _ = SetSocketOption(fd, level, option, &value, sizeof(int));
    }
}
