using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace SkyRiff.Data;

/// <summary>
/// One numbered SQL file of a service, embedded in its assembly as <c>Migrations/0001_name.sql</c>. Files are append-only: a changed
/// file is found out by its checksum. A line <c>--: include jobs</c> is replaced by that template of Data (leased jobs, outbox, idempotency), with
/// <c>{schema}</c> filled in; the templates are append-only too. <c>{role}</c> becomes the service's role when the file is applied.
/// </summary>
public sealed partial record Migration(string Service, int Number, string Name, string Text)
{
    public string Checksum { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Text)));

    /// <summary>All migrations embedded in an assembly, in order; gaps and duplicates are refused.</summary>
    public static IReadOnlyList<Migration> Embedded(string service, Assembly assembly)
    {
        var migrations = new List<Migration>();
        foreach (var resource in assembly.GetManifestResourceNames())
        {
            if (FileName().Match(resource) is not { Success: true } match) continue;
            var text = Expand(service, ReadResource(assembly, resource));
            migrations.Add(new Migration(service, int.Parse(match.Groups["number"].Value), match.Groups["name"].Value, text));
        }
        migrations.Sort((a, b) => a.Number.CompareTo(b.Number));
        for (var i = 0; i < migrations.Count; i++)
        {
            if (migrations[i].Number != i + 1) throw new InvalidOperationException($"Migrations of {service} must be numbered 1, 2, 3...; {migrations[i].Number:0000}_{migrations[i].Name} stands at position {i + 1}.");
        }
        return migrations;
    }

    internal static string Expand(string service, string text) => IncludeLine()
        .Replace(text, match => ReadResource(typeof(Migration).Assembly, $"Templates/{match.Groups["template"].Value}.sql"))
        .Replace("{schema}", service);

    private static string ReadResource(Assembly assembly, string name)
    {
        using var stream = assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"No embedded SQL named {name}.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }

    [GeneratedRegex(@"(?:^|[/\\.])Migrations[/\\.](?<number>\d{4})_(?<name>[a-z0-9_]+)\.sql$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex FileName();

    [GeneratedRegex(@"^--: include (?<template>[a-z_0-9]+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex IncludeLine();
}
