using SkyRiff.App.Commands;

return await CommandLine.RunAsync(args);
