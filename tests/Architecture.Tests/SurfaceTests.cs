using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.App.Commands;
using SkyRiff.App.Describing;
using SkyRiff.App.Hosting;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel.Secrets;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Architecture.Tests;

/// <summary>Routes, problem codes, options, the OpenAPI document and the SQL schema: each is a file that a diff shows.</summary>
public sealed class SurfaceTests
{
    [Theory]
    [InlineData("routes", "routes.txt")]
    [InlineData("problems", "problems.txt")]
    [InlineData("options", "options.txt")]
    [InlineData("openapi", "openapi.json")]
    public async Task The_surface_is_what_its_file_says(string what, string file)
    {
        await using var server = Server.Build(DescribeCommand.Nowhere(), new MasterKey(new byte[MasterKey.LengthBytes]));
        Golden.Check(file, Surfaces.Of(server, what));
    }

    [Fact]
    public async Task The_SQL_schema_is_what_its_file_says()
    {
        await using var postgres = await PrivatePostgres.StartAsync();
        var options = await postgres.CreateShardsAsync(1);
        await using var map = new ShardMap(options);
        var migrations = App.Roles.Modules().Select(module => Migration.Embedded(module.Name, module.GetType().Assembly)).ToList();
        await new Migrator(map, NullLogger<Migrator>.Instance).RunAsync(migrations, TestContext.Current.CancellationToken);

        var database = options.Shards[0].Primary.Split("Database=")[1];
        var dump = await postgres.DumpSchemaAsync(database);
        Golden.Check("schema.sql", Normal(dump, options.ServiceUserPrefix));
    }

    [Fact]
    public async Task No_problem_code_has_two_meanings()
    {
        await using var server = Server.Build(DescribeCommand.Nowhere(), new MasterKey(new byte[MasterKey.LengthBytes]));
        server.Routes.SelectMany(route => route.Refusals).Concat(HttpProblems.All).Distinct().Select(code => code.Code).ShouldBeUnique();
    }

    /// <summary>Without what differs from run to run: comments, session settings, the months' partitions, the roles' prefix.</summary>
    private static string Normal(string dump, string prefix) => string.Concat(dump.ReplaceLineEndings("\n").Replace(prefix, "skyriff_", StringComparison.Ordinal).Split('\n')
        .Where(line => line.Length > 0 && !line.StartsWith("--", StringComparison.Ordinal) && !line.StartsWith("SET ", StringComparison.Ordinal) && !line.StartsWith("SELECT pg_catalog", StringComparison.Ordinal) && !line.StartsWith('\\'))
        .Select(line => line + "\n"));
}
