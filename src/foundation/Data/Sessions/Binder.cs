using System.Reflection;
using Npgsql;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Data;

/// <summary>
/// Makes the parameter for a value of one type; the decision is made once per type. Typed ids become <c>bigint</c> (arrays of them
/// <c>bigint[]</c>); times must be UTC; null becomes SQL NULL of the type.
/// </summary>
internal static class Binder<T>
{
    public static readonly Func<T, NpgsqlParameter> Bind = Choose();

    private static Func<T, NpgsqlParameter> Choose()
    {
        var type = Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T);
        if (type.IsEnum) throw new InvalidOperationException($"Say how {type.Name} is stored: pass its name or number, not the enum.");

        if (IsTypedId(type))
        {
            var method = type == typeof(T) ? nameof(Binders.OfId) : nameof(Binders.OfOptionalId);
            return Make(method, type);
        }

        if (type.IsArray && IsTypedId(type.GetElementType()!)) return Make(nameof(Binders.OfIds), type.GetElementType()!);

        if (type == typeof(ReadOnlyMemory<byte>))
        {
            return value => new NpgsqlParameter<ReadOnlyMemory<byte>> { TypedValue = (ReadOnlyMemory<byte>)(object)value! };
        }

        // Null or not, the parameter has the type of T: a statement whose parameter types change from call to call would never be prepared.
        return value => new NpgsqlParameter<T> { TypedValue = value };
    }

    private static bool IsTypedId(Type type) => type.IsValueType && Array.Exists(type.GetInterfaces(),
        i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(ITypedId<>));

    private static Func<T, NpgsqlParameter> Make(string method, Type id) =>
        typeof(Binders).GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic)!.MakeGenericMethod(id).CreateDelegate<Func<T, NpgsqlParameter>>();
}

internal static class Binders
{
    internal static NpgsqlParameter OfId<TId>(TId id)
        where TId : struct, ITypedId<TId> => new NpgsqlParameter<long> { TypedValue = id.Value };

    internal static NpgsqlParameter OfOptionalId<TId>(TId? id)
        where TId : struct, ITypedId<TId> =>
        new NpgsqlParameter<long?> { TypedValue = id?.Value };

    internal static NpgsqlParameter OfIds<TId>(TId[] ids)
        where TId : struct, ITypedId<TId> => new NpgsqlParameter<long[]> { TypedValue = Array.ConvertAll(ids, id => id.Value) };
}
