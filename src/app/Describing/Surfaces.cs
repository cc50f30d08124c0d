using System.Reflection;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using SkyRiff.App.Hosting;
using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.App.Describing;

/// <summary>The published surfaces as text, in a stable order, so that a change shows as a diff of a golden file.</summary>
internal static class Surfaces
{
    public static string Of(Server server, string what) => what switch
    {
        "openapi" => Encoding.UTF8.GetString(OpenApiDocument.Write(server.Routes, indented: true)) + "\n",
        "routes" => Routes(server.Routes),
        "problems" => Problems(server.Routes),
        _ => Options(server.Services.GetRequiredService<OptionsMistakes>()),
    };

    public static string Routes(IReadOnlyList<ApiRoute> routes) => Lines(routes.OrderBy(route => route.Pattern, StringComparer.Ordinal).ThenBy(route => route.Method, StringComparer.Ordinal)
        .Select(route => $"{route.Method,-6} {route.Pattern}  {route.Access}{(route.NeedsIdempotencyKey ? " idempotent" : "")} -> {route.SuccessStatus}"));

    public static string Problems(IReadOnlyList<ApiRoute> routes) => Lines(Codes(routes).Select(code => $"{code.Code}  {ProblemWriter.StatusOf(code.Category)}  {code.Title}"));

    public static IEnumerable<ProblemCode> Codes(IReadOnlyList<ApiRoute> routes) =>
        routes.SelectMany(route => route.Refusals).Concat(HttpProblems.All).DistinctBy(code => code.Code).OrderBy(code => code.Code, StringComparer.Ordinal);

    public static string Options(OptionsMistakes options) => Lines(options.Sections.OrderBy(section => section.Section, StringComparer.Ordinal)
        .SelectMany(section => Members(section.Section, section.Type, Activator.CreateInstance(section.Type)!, depth: 0)));

    private static IEnumerable<string> Members(string path, Type type, object defaults, int depth)
    {
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property is { CanWrite: true, GetMethod: not null }).OrderBy(property => property.Name, StringComparer.Ordinal))
        {
            var value = property.GetValue(defaults);
            var name = $"{path}:{property.Name}";
            if (value is not null && depth < 3 && property.PropertyType.Namespace?.StartsWith("SkyRiff", StringComparison.Ordinal) == true && !property.PropertyType.IsEnum)
            {
                foreach (var line in Members(name, property.PropertyType, value, depth + 1)) yield return line;
            }
            else
            {
                yield return $"{name} = {Shown(value)}  ({TypeName(property.PropertyType)})";
            }
        }
    }

    private static string Shown(object? value) => value switch
    {
        null => "none",
        string text => $"\"{text}\"",
        bool flag => flag ? "true" : "false",
        System.Collections.ICollection list => list.Count == 0 ? "empty" : $"{list.Count} entries",
        _ => value.ToString() ?? "",
    };

    private static string TypeName(Type type) => type.IsGenericType ? $"{type.Name.Split('`')[0]} of {string.Join(", ", type.GetGenericArguments().Select(TypeName))}" : type.Name;

    private static string Lines(IEnumerable<string> lines) => string.Concat(lines.Select(line => line + "\n"));
}
