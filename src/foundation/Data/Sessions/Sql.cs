using System.Runtime.CompilerServices;
using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace SkyRiff.Data;

/// <summary>
/// A statement written as an interpolated string whose holes become parameters, never text:
/// <c>$"SELECT credits FROM payments.wallets WHERE user_id = {userId}"</c>. The text is therefore the same for every call, so the
/// server plans it once. <see cref="Verbatim"/> is the one way to splice text (a schema name chosen at start-up).
/// </summary>
[InterpolatedStringHandler]
public sealed class Sql
{
    private readonly StringBuilder _text;
    private readonly List<NpgsqlParameter> _parameters;

    public Sql(int literalLength, int formattedCount)
    {
        _text = new StringBuilder(literalLength + (formattedCount * 3));
        _parameters = new List<NpgsqlParameter>(formattedCount);
    }

    internal string Text => _text.ToString();

    internal List<NpgsqlParameter> Parameters => _parameters;

    /// <summary>Trusted text (an identifier from the program itself); holes of this type are spliced, not parameterised.</summary>
    public static Verbatim Splice(string trusted) => new(trusted);

    public void AppendLiteral(string literal) => _text.Append(literal);

    public void AppendFormatted(Verbatim verbatim) => _text.Append(verbatim.Text);

    public void AppendFormatted<T>(T value)
    {
        _parameters.Add(Binder<T>.Bind(value));
        _text.Append('$').Append(_parameters.Count);
    }

    /// <summary>A <c>jsonb</c> parameter, from JSON text.</summary>
    public void AppendFormatted(Json json)
    {
        _parameters.Add(new NpgsqlParameter<string> { TypedValue = json.Text, NpgsqlDbType = NpgsqlDbType.Jsonb });
        _text.Append('$').Append(_parameters.Count);
    }

    public readonly record struct Verbatim(string Text);

    /// <summary>Marks text as JSON, so that the parameter is sent as <c>jsonb</c>.</summary>
    public readonly record struct Json(string Text);
}
