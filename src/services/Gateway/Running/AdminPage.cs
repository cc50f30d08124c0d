using System.Globalization;
using System.Net;
using System.Text;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Telemetry;

namespace SkyRiff.Gateway.Running;

/// <summary>What the page shows; taken at one moment.</summary>
internal sealed record AdminView(EdgeSnapshot Snapshot, IReadOnlyDictionary<string, RouteCounters> Routes, IReadOnlyDictionary<string, string> Troubles, string Mistakes, long Now);

/// <summary>The operators' page: routes, clusters, limits as tables, without a script or anything from elsewhere. It asks for itself again every few seconds.</summary>
internal static class AdminPage
{
    private const string Style = """
        :root{color-scheme:light dark;--line:#8884;--soft:#8882;--bad:#d33;--warn:#b70;--good:#2a7}
        *{box-sizing:border-box}body{font:14px/1.5 system-ui,sans-serif;margin:0 auto;padding:1.5rem;max-width:76rem}
        h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}header{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:baseline}
        header a{margin-right:.75rem}p.note{border-left:3px solid var(--warn);padding:.25rem .75rem;white-space:pre-wrap;overflow-wrap:anywhere}
        table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:600;opacity:.7}th,td{padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
        td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:.92em;overflow-wrap:anywhere}
        .good{color:var(--good)}.bad{color:var(--bad);font-weight:600}.warn{color:var(--warn);font-weight:600}.none{opacity:.6}
        @media(max-width:44rem){body{padding:1rem}thead{display:none}table,tbody,tr,td{display:block;width:100%}tr{border-bottom:1px solid var(--line);padding:.5rem 0}
        td,td.n{display:flex;justify-content:space-between;gap:1rem;border:0;padding:.1rem 0;text-align:right}td::before{content:attr(data-of);opacity:.6;text-align:left;white-space:nowrap}td:first-child{font-weight:600}}
        """;

    public static string Write(AdminView view)
    {
        var page = new StringBuilder("<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\"><meta http-equiv=refresh content=5><title>Gateway</title><style>")
            .Append(Style).Append("</style><header><h1>Gateway</h1><nav><a href=/status>JSON</a><a href=/metrics>metrics</a></nav><span class=none>read only, renewed every 5 s</span></header>");
        if (view.Mistakes.Length > 0) Note(page, "The newest configuration is not in force:\n" + view.Mistakes);
        foreach (var (cluster, trouble) in view.Troubles) Note(page, $"Endpoints of {cluster} cannot be found out now, those from before stay: {trouble}");
        if (view.Snapshot.Config.Maintenance > TimeSpan.Zero) Note(page, "Maintenance: every request is answered 503.");
        WriteRoutes(page, view);
        WriteClusters(page, view);
        WriteLimits(page, view.Snapshot);
        return page.Append("</html>").ToString();
    }

    private static void WriteRoutes(StringBuilder page, AdminView view)
    {
        Head(page, "Routes", "Route", "Host", "Path", "To", "Breaker", "#Requests", "#5xx", "#Mean ms");
        foreach (var route in view.Snapshot.Routes)
        {
            var known = view.Routes.GetValueOrDefault(route.Name);
            var requests = known?.ByClass.Sum() ?? 0;
            page.Append("<tr>");
            Cell(page, "Route", Code(route.Name));
            Cell(page, "Host", route.Hosts.Count == 0 ? "<span class=none>any</span>" : Text(string.Join(", ", route.Hosts)));
            Cell(page, "Path", Code(route.Path.Text));
            Cell(page, "To", Text(route.Primary.Cluster.Name) + Canary(route) + Beside(route));
            Cell(page, "Breaker", Breaker(route.Primary.Breaker.StateAt(view.Now)));
            Number(page, "Requests", requests);
            Number(page, "5xx", known?.ByClass[5] ?? 0);
            Cell(page, "Mean ms", requests == 0 ? "–" : (known!.DurationNanoseconds / 1e6 / requests).ToString("0.00", CultureInfo.InvariantCulture), isNumber: true);
            page.Append("</tr>");
        }
        page.Append("</table>");
    }

    private static void WriteClusters(StringBuilder page, AdminView view)
    {
        foreach (var cluster in view.Snapshot.Clusters.Values)
        {
            var group = cluster.State.Group.At(view.Now);
            Head(page, $"Cluster {cluster.Name}", "Endpoint", "State", "#Weight", "#In flight", "#Latency ms");
            foreach (var target in cluster.Targets)
            {
                page.Append("<tr>");
                Cell(page, "Endpoint", Code(target.Endpoint.Id));
                Cell(page, "State", StateOf(target, group.Available.Contains(target.Endpoint), view.Now));
                Number(page, "Weight", target.Endpoint.Weight);
                Number(page, "In flight", target.Endpoint.InFlight);
                Cell(page, "Latency ms", (target.Endpoint.Latency(view.Now) / 1e6).ToString("0.00", CultureInfo.InvariantCulture), isNumber: true);
                page.Append("</tr>");
            }
            page.Append("</table><p>").Append(Text($"{cluster.Config.Balance}, {cluster.State.InFlight} of {cluster.Config.InFlightMax} in flight, {cluster.Budget.Available} retries available"));
            if (cluster.Adaptive is { } adaptive) page.Append(CultureInfo.InvariantCulture, $", concurrency limit {adaptive.Limit:0}");
            if (cluster.Targets.Count == 0) page.Append(", <span class=bad>nobody is there</span>");
            else if (group.IsPanicking) page.Append(", <span class=bad>panicking: too few are available, so all are used</span>");
            page.Append("</p>");
        }
    }

    private static void WriteLimits(StringBuilder page, EdgeSnapshot snapshot)
    {
        if (snapshot.Limits.Count == 0) return;
        Head(page, "Limits", "Limit", "By", "Rate", "#Burst", "Counted", "#Keys");
        foreach (var limit in snapshot.Limits.Values)
        {
            page.Append("<tr>");
            Cell(page, "Limit", Code(limit.Config.Name));
            Cell(page, "By", Text(limit.Config.By.ToString().ToLowerInvariant()));
            Cell(page, "Rate", Text(string.Create(CultureInfo.InvariantCulture, $"{limit.Config.Count} per {limit.Config.Period.TotalSeconds:0.###} s")));
            Cell(page, "Burst", limit.Config.Burst == 0 ? "–" : limit.Config.Burst.ToString(CultureInfo.InvariantCulture), isNumber: true);
            Cell(page, "Counted", limit.WhereCounted);
            Number(page, "Keys", limit.Keys);
            page.Append("</tr>");
        }
        page.Append("</table>");
    }

    private static string Canary(Route route) => route.Canary switch
    {
        null => "",
        { IsRolledBack: true } canary => $"<br><span class=bad>canary {Text(canary.Arm.Cluster.Name)} rolled back: {Text(canary.Judge.Reason)}</span>",
        { } canary => string.Create(CultureInfo.InvariantCulture, $"<br>canary {Text(canary.Arm.Cluster.Name)} {canary.Config.Percent} %"),
    };

    private static string Beside(Route route) =>
        (route.Mirror is { } mirror ? string.Create(CultureInfo.InvariantCulture, $"<br>mirror {Text(mirror.Cluster.Name)} {mirror.Config.Percent} %: {mirror.Sent} sent, {mirror.Failed} failed, {mirror.Dropped + mirror.TooLarge} not copied") : "")
        + (route.Hedging is { } hedging ? string.Create(CultureInfo.InvariantCulture, $"<br>hedged after {hedging.Delay.TotalMilliseconds:0.#} ms: {hedging.Sent} sent, {hedging.Won} won") : "");

    private static string Breaker(Resilience.Calls.BreakerState state) =>
        $"<span class={(state == Resilience.Calls.BreakerState.Closed ? "good" : "bad")}>{state.ToString().ToLowerInvariant()}</span>";

    private static string StateOf(Target target, bool isAvailable, long now) => target.Endpoint switch
    {
        { IsDraining: true } => "<span class=warn>draining</span>",
        { Probes.IsHealthy: false } => "<span class=bad>ill, by its probes</span>",
        var endpoint when endpoint.Outliers.IsEjected(now) => "<span class=bad>ejected, by its answers</span>",
        _ => isAvailable ? "<span class=good>available</span>" : "<span class=warn>waiting</span>",
    };

    private static void Head(StringBuilder page, string title, params string[] columns)
    {
        page.Append("<h2>").Append(Text(title)).Append("</h2><table><thead><tr>");
        foreach (var column in columns) page.Append(column[0] == '#' ? "<th class=n>" : "<th>").Append(Text(column.TrimStart('#'))).Append("</th>");
        page.Append("</tr></thead>");
    }

    private static void Note(StringBuilder page, string text) => page.Append("<p class=note>").Append(Text(text)).Append("</p>");

    private static void Number(StringBuilder page, string of, long value) => Cell(page, of, value.ToString("N0", CultureInfo.InvariantCulture), isNumber: true);

    private static void Cell(StringBuilder page, string of, string html, bool isNumber = false) =>
        page.Append(isNumber ? "<td class=n data-of=\"" : "<td data-of=\"").Append(of).Append("\">").Append("<span>").Append(html).Append("</span></td>");

    private static string Code(string text) => $"<code>{Text(text)}</code>";

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
