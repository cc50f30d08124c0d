using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace SkyRiff.Caching;

/// <summary>
/// How a value becomes bytes and comes back. Bytes outlive the code that wrote them: a change of form takes a new <see cref="Version"/>, and a reader that
/// does not know a version says so, which makes a miss.
/// </summary>
public interface ICachePayload<T>
    where T : class
{
    /// <summary>Of what <see cref="Write"/> writes.</summary>
    byte Version { get; }

    /// <summary>Appends the value's bytes.</summary>
    void Write(T value, IBufferWriter<byte> destination);

    /// <summary>
    /// Reads what was once written as that version; false when it does not know the version. Bytes that are not a value of it throw; they are counted as damaged.
    /// </summary>
    bool TryRead(byte version, ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out T? value);
}
