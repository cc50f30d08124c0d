using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.SystemTests.HostileInput;

/// <summary>Bodies that no route may take, and seeded mutations of bodies that it would.</summary>
internal static class BodyCorpus
{
    private const string Canary = HostileSite.Canary;

    public sealed record HostileBody(string Name, byte[] Bytes, string ContentType = "application/json");

    /// <summary>Refused whatever the route's form is.</summary>
    public static IEnumerable<HostileBody> ForAny(int bodyBytesMax)
    {
        foreach (var text in new[] { "", " ", "{", "}", "[", "nul", "{\"a\":}", "{\"a\":1,}", "{'a':1}", "// x\n{}", "{\"a\":1}{\"a\":1}", "\"" + Canary, "<x/>", "a=b&c=d", "{\"a\":\"\u0001\"}", "{\"a\":01}", "{\"a\":NaN}", "\0" })
            yield return new($"not JSON: {text.Trim('\0')}", Encoding.UTF8.GetBytes(text));
        yield return new("not UTF-8", [.. "{\"a\":\""u8, 0xFF, 0xFE, .. "\"}"u8]);
        yield return new("a byte order mark", [0xEF, 0xBB, 0xBF, .. "{}"u8]);
        yield return new("UTF-16", Encoding.Unicode.GetBytes("{\"a\":1}"));
        yield return new("deep arrays", Encoding.UTF8.GetBytes(new string('[', 10_000) + new string(']', 10_000)));
        yield return new("deep objects", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", 5_000)) + "1" + new string('}', 5_000)));
        foreach (var text in new[] { "null", "true", "7", "\"x\"", "[]", "[{}]", "{\"" + Canary + "\":1}", "{\"__proto__\":{\"x\":1}}", "{\"$type\":\"System.Object\"}", "{\"\\ud800\":1}", "{\"\":1}", "{\"x'] ['['[\":1}" })
            yield return new($"another form: {text}", Encoding.UTF8.GetBytes(text));
        yield return new("a megabyte of one member", Encoding.UTF8.GetBytes("{\"prompt\":\"" + new string('x', 1 << 20) + "\"}"));
        yield return new("past the limit", new byte[bodyBytesMax + 1]);
        foreach (var type in new[] { "", "text/plain", "text/html", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "application/json, text/plain", "*/*" })
            yield return new($"as {type}", "{}"u8.ToArray(), type);
    }

    /// <summary>A body of the route's form with one thing wrong in it.</summary>
    public static IEnumerable<HostileBody> For(Type request)
    {
        var valid = Example(request);
        yield return Of("an unknown member", With(valid, "isAdmin", JsonValue.Create(true)));
        yield return new("a member twice", Encoding.UTF8.GetBytes(valid.ToJsonString().Replace("{", $"{{\"{valid.First().Key}\":null,", StringComparison.Ordinal)));
        foreach (var (name, value) in valid)
        {
            foreach (var wrong in Wrong(value)) yield return new($"{name} = {Short(wrong)}", Encoding.UTF8.GetBytes(With(valid, name, JsonValue.Create("@@")).ToJsonString().Replace("\"@@\"", wrong, StringComparison.Ordinal)));
        }
        foreach (var name in Required(request)) yield return Of($"without {name}", Without(valid, name));
    }

    /// <summary>Some of them are harmless; what matters is how the others are refused.</summary>
    public static byte[] Mutated(Type request, Random random)
    {
        var text = Encoding.UTF8.GetBytes(Example(request).ToJsonString()).ToList();
        for (var i = random.Next(1, 5); i > 0 && text.Count > 0; i--)
        {
            var at = random.Next(text.Count);
            switch (random.Next(5))
            {
                case 0: text[at] = (byte)random.Next(256); break;
                case 1: text.RemoveAt(at); break;
                case 2: text.Insert(at, (byte)"{}[]\",:\\0e-.\0 \n"[random.Next(14)]); break;
                case 3: text.InsertRange(at, "\\u0000"u8.ToArray()); break;
                default: text.AddRange(text.Skip(at).Take(20).ToList()); break;
            }
        }
        return [.. text];
    }

    private static IEnumerable<string> Wrong(JsonNode? value) => value is JsonValue text && text.GetValueKind() == JsonValueKind.String
        ? ["7", "true", "[]", "{}", "[\"x\"]", "\"\\u0000\"", "\"a\\u0000b\"", "\"\\ud800\"", "\"\\udc00x\"", "\"" + new string('x', 60_000) + "\""]
        : value is JsonValue
            ? ["\"7\"", "true", "[]", "{}", "-1", "-9223372036854775808", "9223372036854775808", "2147483648", "1e400", "1.5", "0.1e1", "\"\""]
            : ["7", "\"x\"", "true", "{\"a\":1}"];

    private static HostileBody Of(string name, JsonObject body) => new(name, Encoding.UTF8.GetBytes(body.ToJsonString()));

    /// <summary>Every member filled in with something of its type.</summary>
    private static JsonObject Example(Type type)
    {
        var example = new JsonObject();
        foreach (var member in Members(type)) example[JsonNamingPolicy.CamelCase.ConvertName(member.Name!)] = ValueOf(member);
        return example;
    }

    private static JsonNode? ValueOf(ParameterInfo member)
    {
        var type = Nullable.GetUnderlyingType(member.ParameterType) ?? member.ParameterType;
        if (type == typeof(string))
        {
            return member.Name!.ToLowerInvariant() switch
            {
                "email" => Canary + "@example.org",
                "visibility" => "public",
                "size" => "1280x720",
                "packid" => "small",
                _ => Canary + "_text",
            };
        }
        if (type == typeof(int) || type == typeof(long)) return 4;
        if (type == typeof(bool)) return true;
        if (type == typeof(DateTimeOffset)) return "2026-01-01T00:00:00Z";
        if (type.GetInterfaces().Any(implemented => implemented.IsGenericType && implemented.GetGenericTypeDefinition() == typeof(ITypedId<>))) return "42";
        if (typeof(System.Collections.IEnumerable).IsAssignableFrom(type)) return new JsonArray("tag");
        return Example(type);
    }

    private static IEnumerable<string> Required(Type type) => Members(type).Where(member => !member.HasDefaultValue).Select(member => JsonNamingPolicy.CamelCase.ConvertName(member.Name!));

    private static ParameterInfo[] Members(Type type) => type.GetConstructors(BindingFlags.Public | BindingFlags.Instance).MaxBy(constructor => constructor.GetParameters().Length)!.GetParameters();

    private static JsonObject With(JsonObject body, string name, JsonNode? value)
    {
        var changed = body.DeepClone().AsObject();
        changed[name] = value;
        return changed;
    }

    private static JsonObject Without(JsonObject body, string name)
    {
        var changed = body.DeepClone().AsObject();
        changed.Remove(name);
        return changed;
    }

    private static string Short(string text) => text.Length > 30 ? text[..30] + "..." : text;
}
