using System.Text;
using Shouldly;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Services.Tests.Gateway.Decisions;

internal static class Heads
{
    public static RequestHead Get(string target, string host = "a.example", params string[] fields) => Request("GET", target, host, fields);

    public static RequestHead Request(string method, string target, string host, params string[] fields)
    {
        var bytes = Encoding.Latin1.GetBytes($"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{string.Concat(fields.Select(f => f + "\r\n"))}\r\n");
        var head = new RequestHead();
        RequestParser.Parse(bytes, 0, bytes.Length, HeadLimits.Default, head).ShouldBe(ParseStatus.Complete, head.Refusal.ToString());
        return head;
    }
}
