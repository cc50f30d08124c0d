using System.Text;
using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis.Connections;

/// <summary>
/// From received bytes to delivered replies; three ways, fastest first: a whole bulk string goes straight to its caller, a large one is copied to its
/// caller part by part as it arrives, anything else is collected until its frame is complete.
/// </summary>
internal sealed partial class Connection
{
    /// <summary>A bulk that is larger, and not all there, is copied to its caller as it arrives instead of being collected first.</summary>
    private const int StreamedBytesMin = 32 * 1024;

    private FrameScanner _scanner;
    private PendingReply? _streamed;
    private int _streamedLength;
    private int _streamedSoFar;

    /// <summary>A whole bulk string for a caller who wants its bytes; false: not that, or not whole.</summary>
    private bool TryReadBulk()
    {
        var unread = _received.Unread;
        if (unread[0] != (byte)RespKind.Bulk || AllFramesToHandler || _scanner.Length != 0 || _ring.Peek() is not { } command
            || command.Shape > ReplyShape.Value || command.RepliesOwedBefore > 0
            || RespHeader.TryRead(unread, out var header) != RespProgress.Complete || header.Number < 0)
        {
            return false;
        }

        var length = (int)header.Number;
        if (length > _options.ReplyBytesMax)
            throw new RedisException(RedisErrorKind.Protocol, $"A value of {length} bytes is above {nameof(RedisOptions.ReplyBytesMax)}.");

        if (unread.Length - header.Length < length + 2)
        {
            if (length < StreamedBytesMin)
                return false;
            BeginStream(command, length);
            _received.Consume(header.Length);
            return true;
        }

        DemandLineEnd(unread[(header.Length + length)..]);
        _ring.Pop();
        if (command.TryBeginDelivery())
        {
            if (command.FailureBefore is { } earlier)
                command.SetFailure(earlier);
            else
                ReplyDelivery.FillBulk(command, unread.Slice(header.Length, length));
            command.EndDelivery();
            Add(command);
        }
        else
        {
            command.ReleaseAbandoned();
        }

        _received.Consume(header.Length + length + 2);
        return true;
    }

    private void BeginStream(PendingReply command, int length)
    {
        _streamed = command;
        _streamedLength = length;
        _streamedSoFar = 0;
        if (command.Shape == ReplyShape.Value && command.TryBeginDelivery())
        {
            command.SetBuffer(ValueBuffer.Rent(length));
            command.PauseDelivery();
        }
    }

    /// <summary>Copies the part of a large value that is there; its caller may leave between parts, the rest is then read and dropped.</summary>
    private bool TryStream()
    {
        var command = _streamed!;
        var unread = _received.Unread;
        var part = Math.Min(unread.Length, _streamedLength - _streamedSoFar);
        var claimed = command.TryBeginDelivery();
        if (claimed)
            command.CopyPart(unread[..part], _streamedSoFar);

        var isLast = _streamedSoFar + part == _streamedLength;
        if (isLast && unread.Length - part < 2)
        {
            // Wait for the line end together with what is left, so that the last step sees both.
            part = Math.Max(0, part - 1);
            isLast = false;
        }

        _streamedSoFar += part;
        if (!isLast)
        {
            if (claimed)
                command.PauseDelivery();
            _received.Consume(part);
            return part > 0;
        }

        if (unread[part] != '\r' || unread[part + 1] != '\n')
        {
            if (claimed)
                command.PauseDelivery();
            DemandLineEnd(unread[part..]);
        }

        _streamed = null;
        _received.Consume(part + 2);
        _ring.Pop();
        if (claimed)
        {
            command.SetNumber(_streamedLength);
            command.EndDelivery();
            Add(command);
        }
        else
        {
            command.ReleaseAbandoned();
        }

        return true;
    }

    private bool TryReadFrame()
    {
        var unread = _received.Unread;
        switch (_scanner.Scan(unread))
        {
            case RespProgress.NeedMore:
                return false;
            case RespProgress.Malformed:
                throw new RedisException(RedisErrorKind.Protocol, "The server sent bytes that are not RESP, or a reply above the size limit.");
        }

        var frame = unread[..(int)_scanner.Length];
        _scanner.Reset();
        Dispatch(frame);
        _received.Consume(frame.Length);
        return true;
    }

    private void Dispatch(ReadOnlySpan<byte> frame)
    {
        if (AllFramesToHandler || frame[0] == (byte)RespKind.Push)
        {
            Handler?.OnFrame(RespElement.Parse(frame));
            return;
        }

        var command = _ring.Peek() ?? throw new RedisException(RedisErrorKind.Protocol, "The server answered a command that was not sent.");
        if (command.RepliesOwedBefore > 0)
        {
            command.RepliesOwedBefore--;
            var early = RespElement.Parse(frame);
            if (early.IsError)
                command.FailureBefore ??= new RedisException(RedisErrorKind.Refused, early.GetString());
            return;
        }

        _ring.Pop();
        if (frame[0] == (byte)RespKind.Error && command.Router is { } router && TryRedirect(router, command, frame))
            return;

        if (command.TryBeginDelivery())
        {
            ReplyDelivery.Fill(command, frame);
            command.EndDelivery();
            Add(command);
        }
        else
        {
            command.ReleaseAbandoned();
        }
    }

    /// <summary>For a transaction the first refusal counts: EXECABORT only repeats it.</summary>
    private static bool TryRedirect(ICommandRouter router, PendingReply command, ReadOnlySpan<byte> frame) =>
        router.TryRedirect(command, command.FailureBefore is { } earlier ? Encoding.UTF8.GetBytes(earlier.Message) : RespElement.Parse(frame).Bytes);

    private static void DemandLineEnd(ReadOnlySpan<byte> bytes)
    {
        if (bytes[0] != '\r' || bytes[1] != '\n')
            throw new RedisException(RedisErrorKind.Protocol, "A bulk string does not end where its length says.");
    }
}
