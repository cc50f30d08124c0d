using System.Globalization;
using System.Text;
using SkyRiff.Gateway.Decisions;

namespace SkyRiff.Gateway.Telemetry;

/// <summary>Writes what the lanes counted, and the state of clusters, in the Prometheus text format.</summary>
internal static class PrometheusText
{
    public static string Write(IReadOnlyList<LaneMetrics> lanes, EdgeSnapshot snapshot, long now)
    {
        var text = new StringBuilder();
        var routes = Sum(lanes);
        text.Append("# TYPE gateway_requests_total counter\n");
        foreach (var (name, sum) in routes)
        {
            for (var i = 1; i < 6; i++)
            {
                if (sum.ByClass[i] > 0) text.Append(CultureInfo.InvariantCulture, $"gateway_requests_total{{route=\"{name}\",class=\"{i}xx\"}} {sum.ByClass[i]}\n");
            }
            if (sum.ByClass[0] > 0) text.Append(CultureInfo.InvariantCulture, $"gateway_requests_total{{route=\"{name}\",class=\"aborted\"}} {sum.ByClass[0]}\n");
        }
        text.Append("# TYPE gateway_request_seconds histogram\n");
        foreach (var (name, sum) in routes)
        {
            var cumulative = 0L;
            for (var i = 0; i < RouteCounters.Buckets; i++)
            {
                cumulative += sum.Durations[i];
                var bound = i == RouteCounters.Buckets - 1 ? "+Inf" : RouteCounters.UpperBoundSeconds(i).ToString(CultureInfo.InvariantCulture);
                text.Append(CultureInfo.InvariantCulture, $"gateway_request_seconds_bucket{{route=\"{name}\",le=\"{bound}\"}} {cumulative}\n");
            }
            text.Append(CultureInfo.InvariantCulture, $"gateway_request_seconds_sum{{route=\"{name}\"}} {sum.DurationNanoseconds / 1e9}\n");
            text.Append(CultureInfo.InvariantCulture, $"gateway_request_seconds_count{{route=\"{name}\"}} {cumulative}\n");
        }
        text.Append("# TYPE gateway_received_bytes_total counter\n");
        foreach (var (name, sum) in routes) text.Append(CultureInfo.InvariantCulture, $"gateway_received_bytes_total{{route=\"{name}\"}} {sum.BytesIn}\n");
        text.Append("# TYPE gateway_sent_bytes_total counter\n");
        foreach (var (name, sum) in routes) text.Append(CultureInfo.InvariantCulture, $"gateway_sent_bytes_total{{route=\"{name}\"}} {sum.BytesOut}\n");
        text.Append("# TYPE gateway_target_available gauge\n# TYPE gateway_target_in_flight gauge\n");
        foreach (var cluster in snapshot.Clusters.Values)
        {
            var available = cluster.State.Group.At(now).Available;
            foreach (var target in cluster.Targets)
            {
                var labels = $"{{cluster=\"{cluster.Name}\",target=\"{target.Endpoint.Id}\"}}";
                text.Append(CultureInfo.InvariantCulture, $"gateway_target_available{labels} {(available.Contains(target.Endpoint) ? 1 : 0)}\n");
                text.Append(CultureInfo.InvariantCulture, $"gateway_target_in_flight{labels} {target.Endpoint.InFlight}\n");
            }
        }
        text.Append("# TYPE gateway_breaker_state gauge\n");
        foreach (var route in snapshot.Routes)
            text.Append(CultureInfo.InvariantCulture, $"gateway_breaker_state{{route=\"{route.Name}\"}} {(int)route.Primary.Breaker.StateAt(now)}\n");
        foreach (var route in snapshot.Routes)
        {
            if (route.Mirror is { } mirror)
                text.Append(CultureInfo.InvariantCulture, $"gateway_mirrored_total{{route=\"{route.Name}\",result=\"sent\"}} {mirror.Sent}\ngateway_mirrored_total{{route=\"{route.Name}\",result=\"failed\"}} {mirror.Failed}\ngateway_mirrored_total{{route=\"{route.Name}\",result=\"dropped\"}} {mirror.Dropped}\ngateway_mirrored_total{{route=\"{route.Name}\",result=\"too_large\"}} {mirror.TooLarge}\n");
            if (route.Hedging is { } hedging)
                text.Append(CultureInfo.InvariantCulture, $"gateway_hedges_total{{route=\"{route.Name}\",result=\"sent\"}} {hedging.Sent}\ngateway_hedges_total{{route=\"{route.Name}\",result=\"won\"}} {hedging.Won}\n");
        }
        var store = snapshot.Store;
        text.Append(CultureInfo.InvariantCulture, $"# TYPE gateway_cache_bytes gauge\ngateway_cache_bytes {store.Bytes}\n# TYPE gateway_cache_entries gauge\ngateway_cache_entries {store.Count}\n");
        text.Append(CultureInfo.InvariantCulture, $"# TYPE gateway_cache_lookups_total counter\ngateway_cache_lookups_total{{found=\"true\"}} {store.Hits}\ngateway_cache_lookups_total{{found=\"false\"}} {store.Misses}\n");
        text.Append(CultureInfo.InvariantCulture, $"# TYPE gateway_cache_evictions_total counter\ngateway_cache_evictions_total {store.Evictions}\n");
        return text.ToString();
    }

    public static SortedDictionary<string, RouteCounters> Sum(IReadOnlyList<LaneMetrics> lanes)
    {
        var routes = new SortedDictionary<string, RouteCounters>(StringComparer.Ordinal);
        foreach (var lane in lanes)
        {
            for (var i = 0; i < lane.Routes.Length; i++)
            {
                if (lane.Routes[i] is not { } counters) continue;
                var name = MetricNames.NameOf(i);
                if (!routes.TryGetValue(name, out var sum)) routes[name] = sum = new RouteCounters();
                for (var c = 0; c < sum.ByClass.Length; c++) sum.ByClass[c] += counters.ByClass[c];
                for (var b = 0; b < RouteCounters.Buckets; b++) sum.Durations[b] += counters.Durations[b];
                sum.DurationNanoseconds += counters.DurationNanoseconds;
                sum.BytesIn += counters.BytesIn;
                sum.BytesOut += counters.BytesOut;
            }
        }
        return routes;
    }
}
