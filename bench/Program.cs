using SkyRiff.Bench;

return await BenchCommand.RunAsync(args);
