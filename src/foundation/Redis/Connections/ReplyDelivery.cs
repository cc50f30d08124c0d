using SkyRiff.Redis.Protocol;

namespace SkyRiff.Redis.Connections;

/// <summary>Turns a complete reply into what a command's caller asked for; the conversions of every <see cref="ReplyShape"/> are here.</summary>
internal static class ReplyDelivery
{
    /// <summary>Fills the command's result from <paramref name="frame"/>; the command must be claimed for delivery.</summary>
    public static void Fill(PendingReply command, ReadOnlySpan<byte> frame)
    {
        var reply = RespElement.Parse(frame);
        if (command.FailureBefore is { } earlier)
        {
            command.SetFailure(earlier);
        }
        else if (reply.IsError)
        {
            command.SetFailure(new RedisException(RedisErrorKind.Refused, reply.GetString()));
        }
        else
        {
            try
            {
                FillShape(command, reply, frame);
            }
            catch (RedisException mismatch)
            {
                command.SetFailure(mismatch);
            }
        }
    }

    /// <summary>The value's bytes, straight from the receive buffer: the hottest path.</summary>
    public static void FillBulk(PendingReply command, ReadOnlySpan<byte> payload)
    {
        if (command.Shape == ReplyShape.Destination)
        {
            var destination = command.Destination.Span;
            (payload.Length <= destination.Length ? payload : payload[..destination.Length]).CopyTo(destination);
            command.SetNumber(payload.Length);
        }
        else
        {
            command.SetBuffer(Copy(payload));
        }
    }

    private static void FillShape(PendingReply command, RespElement reply, ReadOnlySpan<byte> frame)
    {
        switch (command.Shape)
        {
            case ReplyShape.Frame:
                command.SetBuffer(Copy(frame));
                break;
            case ReplyShape.Destination or ReplyShape.Value when reply.IsAggregate && !reply.IsNull:
                throw new RedisException(RedisErrorKind.Protocol, $"The reply is {reply.Kind} where one value was expected.");
            case ReplyShape.Destination when reply.IsNull:
                command.SetNumber(-1);
                break;
            case ReplyShape.Value when reply.IsNull:
                break;
            case ReplyShape.Destination or ReplyShape.Value:
                FillBulk(command, reply.Bytes);
                break;
            case ReplyShape.Integer or ReplyShape.Double when reply.IsNull:
                command.SetNull();
                break;
            case ReplyShape.Integer:
                command.SetNumber(reply.Kind == RespKind.Text ? 1 : reply.Integer);
                break;
            default:
                command.SetDouble(reply.Double);
                break;
        }
    }

    private static ValueBuffer Copy(ReadOnlySpan<byte> bytes)
    {
        var buffer = ValueBuffer.Rent(bytes.Length);
        bytes.CopyTo(buffer.Writable.Span);
        return buffer;
    }
}
