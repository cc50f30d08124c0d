using Npgsql;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Data;

/// <summary>One row under the cursor, read by position; valid only inside the function it is given to.</summary>
public readonly struct SqlRow
{
    private readonly NpgsqlDataReader _reader;

    internal SqlRow(NpgsqlDataReader reader) => _reader = reader;

    public bool IsNull(int column) => _reader.IsDBNull(column);

    public long Long(int column) => _reader.GetInt64(column);

    public long? LongOrNull(int column) => _reader.IsDBNull(column) ? null : _reader.GetInt64(column);

    public int Int(int column) => _reader.GetInt32(column);

    public int? IntOrNull(int column) => _reader.IsDBNull(column) ? null : _reader.GetInt32(column);

    public short Short(int column) => _reader.GetInt16(column);

    public double Double(int column) => _reader.GetDouble(column);

    public bool Bool(int column) => _reader.GetBoolean(column);

    public string Text(int column) => _reader.GetString(column);

    public string? TextOrNull(int column) => _reader.IsDBNull(column) ? null : _reader.GetString(column);

    public string[] Texts(int column) => _reader.GetFieldValue<string[]>(column);

    public byte[] Bytes(int column) => _reader.GetFieldValue<byte[]>(column);

    public byte[]? BytesOrNull(int column) => _reader.IsDBNull(column) ? null : _reader.GetFieldValue<byte[]>(column);

    /// <summary>A <c>timestamptz</c>, as UTC.</summary>
    public DateTimeOffset Time(int column) => _reader.GetFieldValue<DateTimeOffset>(column);

    public DateTimeOffset? TimeOrNull(int column) => _reader.IsDBNull(column) ? null : _reader.GetFieldValue<DateTimeOffset>(column);

    public DateOnly Date(int column) => _reader.GetFieldValue<DateOnly>(column);

    public TId Id<TId>(int column)
        where TId : struct, ITypedId<TId> => TId.Of(_reader.GetInt64(column));

    public TId? IdOrNull<TId>(int column)
        where TId : struct, ITypedId<TId> => _reader.IsDBNull(column) ? null : TId.Of(_reader.GetInt64(column));
}
