using SkyRiff.Testing;
using Xunit;

[assembly: AssemblyFixture(typeof(SharedPostgres))]
