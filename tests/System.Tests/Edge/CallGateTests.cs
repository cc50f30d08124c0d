using Shouldly;
using SkyRiff.App.Commands;
using SkyRiff.App.Edge;
using SkyRiff.App.Hosting;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Secrets;
using SkyRiff.Resilience.Adaptive;
using Xunit;

namespace SkyRiff.SystemTests.Edge;

public sealed class CallGateTests : IAsyncLifetime
{
    private readonly Server _server = Server.Build(DescribeCommand.Nowhere(), new MasterKey(new byte[MasterKey.LengthBytes]));
    private readonly EdgeTelemetry _telemetry = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        _telemetry.Dispose();
        await _server.DisposeAsync();
    }

    private ApiRoute Route(string method, string path) => _server.Routes.Single(route => route.Method == method && route.Pattern == ApiRoutes.Prefix + path);

    private CallGate GateOf(int places) => new(new EdgeOptions { Concurrency = new ConcurrencyOptions { Start = places, Min = places, Max = places } }, TimeProvider.System, Entropy.Seeded(1), _telemetry);

    [Fact]
    public void Browsing_is_shed_before_what_a_user_does_and_money_goes_last()
    {
        var gate = GateOf(places: 100);
        Fill(gate, Route("GET", "/works")).ShouldBe(80);
        Fill(gate, Route("GET", "/works/{id}")).ShouldBe(0);
        Fill(gate, Route("PATCH", "/users/me")).ShouldBe(10);
        Fill(gate, Route("POST", "/orders")).ShouldBe(10);
        gate.Inside.ShouldBe(100);
        gate.TryEnter(Route("POST", "/auth/login"), out _).ShouldBeNull("sign-ins have a queue of their own");
        gate.Inside.ShouldBe(100);
    }

    [Fact]
    public void What_is_shed_is_told_to_come_back_within_seconds()
    {
        var gate = GateOf(places: 8);
        Fill(gate, Route("GET", "/works"));
        var problem = gate.TryEnter(Route("GET", "/works"), out _);
        problem.ShouldNotBeNull().Code.ShouldBe(HttpProblems.Unavailable);
        problem.RetryAfter.ShouldNotBeNull().TotalSeconds.ShouldBeInRange(1, 3);
    }

    [Fact]
    public void A_place_is_given_back_whatever_became_of_the_call()
    {
        var gate = GateOf(places: 8);
        var route = Route("GET", "/works");
        foreach (var status in (int?[])[200, 404, 500, 503, null])
        {
            gate.TryEnter(route, out var pass).ShouldBeNull();
            gate.Leave(route, pass, status);
        }
        gate.Inside.ShouldBe(0);
    }

    [Fact]
    public void Every_route_that_moves_money_or_opens_the_house_goes_last()
    {
        foreach (var route in _server.Routes.Where(route => !route.IsRaw && (route.NeedsIdempotencyKey || route.Pattern.Contains("/auth/", StringComparison.Ordinal) || route.Pattern.Contains("/wallet", StringComparison.Ordinal))))
        {
            CallGate.PlanOf(route).Priority.ShouldBe(Priority.Critical, route.Method + " " + route.Pattern);
        }
    }

    private static int Fill(CallGate gate, ApiRoute route)
    {
        var entered = 0;
        while (gate.TryEnter(route, out _) is null) entered++;
        return entered;
    }
}
