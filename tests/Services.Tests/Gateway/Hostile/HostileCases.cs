using System.Globalization;
using System.Runtime.CompilerServices;

namespace SkyRiff.Services.Tests.Gateway.Hostile;

/// <summary>One record of requests.txt or responses.txt.</summary>
internal sealed record HostileCase(string Verdict, string Name, byte[] Bytes);

/// <summary>Reads the published lists; their first lines say how they are written.</summary>
internal static class HostileCases
{
    public static IReadOnlyList<HostileCase> Requests() => Read("requests.txt");

    public static IReadOnlyList<HostileCase> Responses() => Read("responses.txt");

    /// <summary>Refused by the core, but made one clear request by Kestrel's parser before the core sees it: the first answer is good.</summary>
    public static IReadOnlyList<string> PassedByKestrel() =>
        [.. File.ReadAllLines(Path.Combine(Folder(), "kestrel-passes.txt")).Where(line => line.Length > 0 && line[0] != '#')];

    private static string Folder([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;

    private static List<HostileCase> Read(string name)
    {
        var cases = new List<HostileCase>();
        foreach (var record in File.ReadAllText(Path.Combine(Folder(), name)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            var lines = record.Split('\n').Where(line => !line.StartsWith("# ", StringComparison.Ordinal)).ToArray();
            if (lines.Length == 0 || !lines[0].Contains(" | ", StringComparison.Ordinal)) continue;
            var title = lines[0].Split(" | ", 2);
            cases.Add(new(title[0], title[1], Unescape(string.Concat(lines.Skip(1)))));
        }
        return cases;
    }

    private static byte[] Unescape(string text)
    {
        var bytes = new List<byte>();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
            {
                bytes.AddRange(System.Text.Encoding.UTF8.GetBytes(text[i].ToString()));
                continue;
            }
            switch (text[++i])
            {
                case 'r': bytes.Add((byte)'\r'); break;
                case 'n': bytes.Add((byte)'\n'); break;
                case 't': bytes.Add((byte)'\t'); break;
                case '\\': bytes.Add((byte)'\\'); break;
                case 'x':
                    bytes.Add(byte.Parse(text.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                    i += 2;
                    break;
                case '{':
                    var end = text.IndexOf('}', i);
                    var star = text.LastIndexOf('*', end);
                    var repeated = Unescape(text[(i + 1)..star]);
                    for (var n = int.Parse(text.AsSpan(star + 1, end - star - 1), CultureInfo.InvariantCulture); n > 0; n--) bytes.AddRange(repeated);
                    i = end;
                    break;
                default: throw new FormatException($"Unknown escape in {text}");
            }
        }
        return [.. bytes];
    }
}
