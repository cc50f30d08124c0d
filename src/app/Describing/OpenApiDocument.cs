using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.RegularExpressions;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.App.Describing;

/// <summary>
/// The OpenAPI 3.1 document, written from the declared routes: what they take, answer and refuse, with every problem code. The schemas are the serializer's own, so they
/// cannot differ from what is read and written.
/// </summary>
internal static partial class OpenApiDocument
{
    public static byte[] Write(IReadOnlyList<ApiRoute> routes, bool indented)
    {
        var schemas = new JsonObject();
        var paths = new JsonObject();
        foreach (var group in routes.Where(route => !route.Pattern.Contains("**", StringComparison.Ordinal) || route.Method == "GET").OrderBy(route => route.Pattern, StringComparer.Ordinal).GroupBy(route => Template(route.Pattern)))
        {
            var item = new JsonObject();
            foreach (var route in group.OrderBy(route => route.Method, StringComparer.Ordinal)) item[route.Method.ToLowerInvariant()] = Operation(route, schemas);
            paths[group.Key] = item;
        }
        schemas["Problem"] = ProblemSchema(Surfaces.Codes(routes));
        var document = new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject { ["title"] = "SkyRiff", ["version"] = "1", ["description"] = "A self-hostable AI-video community. Errors are problem documents (RFC 9457) with a stable code.", ["license"] = new JsonObject { ["name"] = "Apache-2.0", ["identifier"] = "Apache-2.0" } },
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["schemas"] = new JsonObject(schemas.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone()))),
                ["securitySchemes"] = new JsonObject { ["bearer"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer", ["bearerFormat"] = "JWT" } },
            },
        };
        return JsonSerializer.SerializeToUtf8Bytes(document, indented ? Indented : ApiJson.Options);
    }

    private static readonly JsonSerializerOptions Indented = new(ApiJson.Options) { WriteIndented = true };

    private static JsonObject Operation(ApiRoute route, JsonObject schemas)
    {
        var operation = new JsonObject
        {
            ["operationId"] = OperationId(route),
            ["summary"] = route.Description,
            ["tags"] = new JsonArray(Tag(route)),
        };
        if (route.Access is Access.SignedIn or Access.Admin) operation["security"] = new JsonArray(new JsonObject { ["bearer"] = new JsonArray() });
        else if (route.Access is Access.Open) operation["security"] = new JsonArray(new JsonObject(), new JsonObject { ["bearer"] = new JsonArray() });
        var parameters = Parameters(route);
        if (parameters.Count > 0) operation["parameters"] = parameters;
        if (route.RequestType is { } request) operation["requestBody"] = new JsonObject { ["required"] = !route.BodyOptional, ["content"] = new JsonObject { ["application/json"] = new JsonObject { ["schema"] = Reference(request, schemas) } } };
        else if (route.RequestContentType is { } raw) operation["requestBody"] = new JsonObject { ["required"] = true, ["content"] = new JsonObject { [raw] = new JsonObject { ["schema"] = new JsonObject() } } };
        operation["responses"] = Responses(route, schemas);
        return operation;
    }

    private static JsonArray Parameters(ApiRoute route)
    {
        var parameters = new JsonArray();
        foreach (var name in RouteParameter().Matches(route.Pattern).Select(match => match.Groups["name"].Value)) parameters.Add((JsonNode)new JsonObject { ["name"] = name, ["in"] = "path", ["required"] = true, ["schema"] = new JsonObject { ["type"] = "string" } });
        foreach (var (name, description) in route.QueryParameters)
        {
            var schema = name == "limit" ? new JsonObject { ["type"] = "integer", ["minimum"] = 1, ["maximum"] = 100, ["default"] = 20 } : new JsonObject { ["type"] = "string" };
            parameters.Add((JsonNode)new JsonObject { ["name"] = name, ["in"] = "query", ["description"] = description, ["schema"] = schema });
        }
        if (route.NeedsIdempotencyKey)
        {
            parameters.Add((JsonNode)new JsonObject
            {
                ["name"] = "Idempotency-Key",
                ["in"] = "header",
                ["required"] = true,
                ["description"] = "New for each thing to be done; the same when the request is repeated, which then gets the same reply.",
                ["schema"] = new JsonObject { ["type"] = "string", ["minLength"] = 1, ["maxLength"] = Kernel.Idempotency.IdempotencyKey.KeyLengthMax },
            });
        }
        return parameters;
    }

    private static JsonObject Responses(ApiRoute route, JsonObject schemas)
    {
        var success = new JsonObject { ["description"] = route.SuccessStatus == 204 ? "Done." : "Success." };
        if (route.SuccessStatus != 204 && route.ReplyType is { } reply) success["content"] = new JsonObject { [route.ReplyContentType] = new JsonObject { ["schema"] = reply == typeof(byte[]) || reply == typeof(string) ? new JsonObject { ["type"] = "string" } : Reference(reply, schemas) } };
        var responses = new JsonObject { [route.SuccessStatus.ToString()] = success };
        foreach (var status in CodesOf(route).GroupBy(code => ProblemWriter.StatusOf(code.Category)).OrderBy(group => group.Key))
        {
            responses[status.Key.ToString()] = new JsonObject
            {
                ["description"] = string.Join("\n", status.Select(code => $"`{code.Code}`: {code.Title}.").Order(StringComparer.Ordinal)),
                ["content"] = new JsonObject { [ProblemWriter.ContentType] = new JsonObject { ["schema"] = new JsonObject { ["$ref"] = "#/components/schemas/Problem" } } },
            };
        }
        return responses;
    }

    /// <summary>What the route names, and what its shape makes possible.</summary>
    private static IEnumerable<ProblemCode> CodesOf(ApiRoute route)
    {
        IEnumerable<ProblemCode> codes = [.. route.Refusals, .. HttpProblems.Everywhere];
        if (route.Access is not Access.Anonymous) codes = codes.Append(HttpProblems.Unauthenticated);
        if (route.RequestType is not null) codes = codes.Concat([HttpProblems.MalformedJson, HttpProblems.Invalid, HttpProblems.TooLarge, HttpProblems.UnsupportedMediaType]);
        if (route.NeedsIdempotencyKey) codes = codes.Concat([HttpProblems.IdempotencyKeyNeeded, HttpProblems.IdempotencyKeyReused]);
        if (route.QueryParameters.Count > 0) codes = codes.Append(HttpProblems.Invalid);
        if (route.QueryParameters.Any(parameter => parameter.Name == "cursor")) codes = codes.Append(HttpProblems.MalformedCursor);
        return codes.DistinctBy(code => code.Code);
    }

    private static JsonObject Reference(Type type, JsonObject schemas)
    {
        var name = SchemaName(type);
        if (!schemas.ContainsKey(name)) schemas[name] = Schema(type);
        return new JsonObject { ["$ref"] = "#/components/schemas/" + name };
    }

    private static JsonNode Schema(Type type) => ApiJson.Options.GetJsonSchemaAsNode(type, new JsonSchemaExporterOptions
    {
        TreatNullObliviousAsNonNullable = true,
        TransformSchemaNode = (context, node) => Array.Exists(context.TypeInfo.Type.GetInterfaces(), i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(ITypedId<>))
            ? new JsonObject { ["type"] = "string", ["pattern"] = "^[1-9][0-9]{0,18}$" }
            : context.TypeInfo.Type == typeof(DateTimeOffset) ? new JsonObject { ["type"] = "string", ["format"] = "date-time" } : node,
    });

    private static JsonObject ProblemSchema(IEnumerable<ProblemCode> codes) => new()
    {
        ["type"] = "object",
        ["required"] = new JsonArray("type", "title", "status", "detail", "instance", "code", "traceId"),
        ["properties"] = new JsonObject
        {
            ["type"] = new JsonObject { ["type"] = "string" },
            ["title"] = new JsonObject { ["type"] = "string" },
            ["status"] = new JsonObject { ["type"] = "integer" },
            ["detail"] = new JsonObject { ["type"] = "string" },
            ["instance"] = new JsonObject { ["type"] = "string" },
            ["code"] = new JsonObject { ["type"] = "string", ["enum"] = new JsonArray([.. codes.Select(code => (JsonNode)code.Code)]) },
            ["traceId"] = new JsonObject { ["type"] = "string" },
            ["errors"] = new JsonObject
            {
                ["type"] = "array",
                ["items"] = new JsonObject { ["type"] = "object", ["required"] = new JsonArray("pointer", "detail"), ["properties"] = new JsonObject { ["pointer"] = new JsonObject { ["type"] = "string" }, ["detail"] = new JsonObject { ["type"] = "string" } } },
            },
        },
    };

    /// <summary><c>ListReply&lt;WorkView&gt;</c> is <c>WorkViewList</c>; the request of a use case is named after it.</summary>
    private static string SchemaName(Type type)
    {
        if (type.IsGenericType) return SchemaName(type.GetGenericArguments()[0]) + "List";
        var name = type.Name.EndsWith("View", StringComparison.Ordinal) && type.Name.Length > 4 ? type.Name[..^4] : type.Name;
        return type.DeclaringType is { } owner && name is "Request" or "Reply" ? type.DeclaringType!.Name + name : name;
    }

    private static string Template(string pattern) => pattern.Replace("**", "", StringComparison.Ordinal);

    private static string Tag(ApiRoute route)
    {
        var path = route.Pattern.StartsWith(ApiRoutes.Prefix, StringComparison.Ordinal) ? route.Pattern[(ApiRoutes.Prefix.Length + 1)..] : route.Pattern.TrimStart('/', '.');
        return path.Split('/')[0];
    }

    private static string OperationId(ApiRoute route)
    {
        var words = Word().Matches(route.Pattern.Replace(ApiRoutes.Prefix, "", StringComparison.Ordinal)).Select(match => char.ToUpperInvariant(match.Value[0]) + match.Value[1..]);
        return route.Method.ToLowerInvariant() + string.Concat(words);
    }

    [GeneratedRegex(@"\{(\*\*)?(?<name>\w+)\}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 100)]
    private static partial Regex RouteParameter();

    [GeneratedRegex("[A-Za-z0-9]+", RegexOptions.None, matchTimeoutMilliseconds: 100)]
    private static partial Regex Word();
}
