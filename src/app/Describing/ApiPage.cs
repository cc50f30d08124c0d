using System.Net;
using System.Text;
using SkyRiff.Http;

namespace SkyRiff.App.Describing;

/// <summary>The API as a page that one reads from top to bottom: routes by subject, then every problem code. No scripts.</summary>
internal static class ApiPage
{
    private const string Head = """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>SkyRiff API</title><style>
        :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif } body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
        h2 { margin-top: 2.5rem; border-bottom: 1px solid #8886 } code { font: .95em ui-monospace, monospace } .route { margin: 1rem 0; padding-left: 1rem; border-left: 3px solid #8886 }
        .route p { margin: .2rem 0 } .method { display: inline-block; min-width: 4rem; font-weight: 700 } small { opacity: .75 } table { border-collapse: collapse } td { padding: .2rem .8rem .2rem 0; vertical-align: top } :target { background: #fc03 }
        </style></head><body><h1>SkyRiff API</h1><p>Base path <code>/api/v1</code>. JSON in camelCase; unknown members are refused; ids are strings; times are RFC 3339 in UTC.
        Lists answer <code>{"items":[...],"nextCursor":"..."|null}</code>. Errors are <a href="#problems">problem documents</a>. The same for programs: <a href="/openapi/v1.json">/openapi/v1.json</a>.</p>
        """;

    public static string Write(IReadOnlyList<ApiRoute> routes)
    {
        var page = new StringBuilder(Head);
        foreach (var group in routes.GroupBy(Subject))
        {
            page.Append($"<h2>{Text(group.Key)}</h2>");
            foreach (var route in group) Write(page, route);
        }
        page.Append("<h2 id=\"problems\">Problem codes</h2><table>");
        foreach (var code in Surfaces.Codes(routes)) page.Append($"<tr id=\"{Text(code.Code)}\"><td><code>{Text(code.Code)}</code></td><td>{ProblemWriter.StatusOf(code.Category)}</td><td>{Text(code.Title)}</td></tr>");
        return page.Append("</table></body></html>").ToString();
    }

    private static void Write(StringBuilder page, ApiRoute route)
    {
        page.Append($"<div class=\"route\"><p><code><span class=\"method\">{route.Method}</span> {Text(route.Pattern)}</code> <small>{Who(route)}{(route.NeedsIdempotencyKey ? ", needs an Idempotency-Key" : "")}; answers {route.SuccessStatus}</small></p><p>{Text(route.Description)}</p>");
        if (route.QueryParameters.Count > 0) page.Append($"<p><small>Query: {string.Join("; ", route.QueryParameters.Select(parameter => $"<code>{Text(parameter.Name)}</code> {Text(parameter.Description)}"))}</small></p>");
        if (route.Refusals.Count > 0) page.Append($"<p><small>Refuses with {string.Join(", ", route.Refusals.Select(code => $"<a href=\"#{Text(code.Code)}\"><code>{Text(code.Code)}</code></a>"))}</small></p>");
        page.Append("</div>");
    }

    private static string Who(ApiRoute route) => route.Access switch
    {
        Access.SignedIn => "signed in",
        Access.Admin => "administrators",
        _ => "open to all",
    };

    private static string Subject(ApiRoute route) => (route.Pattern.StartsWith(ApiRoutes.Prefix, StringComparison.Ordinal) ? route.Pattern[(ApiRoutes.Prefix.Length + 1)..] : route.Pattern.TrimStart('/', '.')).Split('/')[0];

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
