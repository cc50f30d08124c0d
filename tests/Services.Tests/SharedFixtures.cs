using SkyRiff.Services.Tests;
using SkyRiff.Testing;
using Xunit;

[assembly: AssemblyFixture(typeof(SharedPostgres))]
[assembly: AssemblyFixture(typeof(SharedRedis))]
