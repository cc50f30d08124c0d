using System.Runtime.CompilerServices;
using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace SkyRiff.Data;

/// <summary>
/// A statement written as an interpolated string whose holes become parameters, never text:
/// <c>$"SELECT credits FROM payments.wallets WHERE user_id = {userId}"</c>. The text is therefore the same for every call, so the
/// server plans it once. A hole that is itself a <see cref="Sql"/> is a fragment, spliced with its own parameters;
/// <see cref="Verbatim"/> is the one way to splice text (a schema name chosen at start-up). Serves one execution.
/// </summary>
[InterpolatedStringHandler]
public sealed class Sql
{
    private readonly StringBuilder _text;
    private readonly List<NpgsqlParameter> _parameters;

    /// <summary>Where in the text each parameter's number stands: start and length, so that a fragment can be renumbered.</summary>
    private readonly List<(int Start, int Length)> _numbers;

    public Sql(int literalLength, int formattedCount)
    {
        _text = new StringBuilder(literalLength + (formattedCount * 3));
        _parameters = new List<NpgsqlParameter>(formattedCount);
        _numbers = new List<(int, int)>(formattedCount);
    }

    internal string Text => _text.ToString();

    internal List<NpgsqlParameter> Parameters => _parameters;

    /// <summary>Trusted text (an identifier from the program itself); holes of this type are spliced, not parameterised.</summary>
    public static Verbatim Splice(string trusted) => new(trusted);

    /// <summary>A fragment to be used as a hole of another statement.</summary>
    public static Sql Fragment(Sql fragment) => fragment;

    public void AppendLiteral(string literal) => _text.Append(literal);

    public void AppendFormatted(Verbatim verbatim) => _text.Append(verbatim.Text);

    public void AppendFormatted<T>(T value) => Append(Binder<T>.Bind(value));

    /// <summary>A <c>jsonb</c> parameter, from JSON text.</summary>
    public void AppendFormatted(Json json) => Append(new NpgsqlParameter<string> { TypedValue = json.Text, NpgsqlDbType = NpgsqlDbType.Jsonb });

    /// <inheritdoc cref="AppendFormatted(Json)"/>
    public void AppendFormatted(Json? json) => Append(new NpgsqlParameter<string> { TypedValue = json?.Text, NpgsqlDbType = NpgsqlDbType.Jsonb });

    public void AppendFormatted(Sql fragment)
    {
        var text = fragment.Text.AsSpan();
        var copied = 0;
        for (var i = 0; i < fragment._parameters.Count; i++)
        {
            var (start, length) = fragment._numbers[i];
            _text.Append(text[copied..start]);
            Append(fragment._parameters[i]);
            copied = start + length;
        }
        _text.Append(text[copied..]);
    }

    private void Append(NpgsqlParameter parameter)
    {
        _parameters.Add(parameter);
        var start = _text.Length;
        _text.Append('$').Append(_parameters.Count);
        _numbers.Add((start, _text.Length - start));
    }

    public readonly record struct Verbatim(string Text);

    /// <summary>Marks text as JSON, so that the parameter is sent as <c>jsonb</c>.</summary>
    public readonly record struct Json(string Text);
}
