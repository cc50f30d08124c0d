using SkyRiff.Bench.Gateway;

return args switch
{
    ["gateway-serve", var configFile] => await GatewaySuite.ServeAsync(configFile),
    ["gateway", ..] => await GatewaySuite.RunAsync(args.Contains("--quick"), "bench/results", CancellationToken.None),
    _ => 0,
};
