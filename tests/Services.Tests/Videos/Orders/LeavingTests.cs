using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Ids;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Services.Tests.Videos.Feed;
using SkyRiff.Services.Tests.Videos.Media;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Orders;

public sealed class LeavingTests(SharedPostgres shared) : WorksTest(shared)
{
    [Fact]
    public async Task Who_leaves_while_the_picture_is_checked_has_ordered_nothing()
    {
        var user = await NewUserAsync(0);
        using var kit = new MediaKit();
        MediaKit.Run("ffmpeg", "-f", "lavfi", "-i", "testsrc2=s=320x180", "-frames:v", "1", "-update", "1", kit.File("in.png"));
        var picture = Convert.ToBase64String(await File.ReadAllBytesAsync(kit.File("in.png"), Ct));
        await using var api = await StartApiAsync(services => services.AddSingleton<ICallerVerifier, SignedInOnce>().AddSingleton<IEntitlements>(new EverythingAllowed()));

        var (status, body) = await SendAsync(
            api, HttpMethod.Post, "/generations", user, $$"""{"prompt":"a boat","inputReference":{"contentType":"image/png","data":"{{picture}}"} }""", key: "leaving");

        status.ShouldBe(HttpStatusCode.Unauthorized, body.ToString());
        (await SqlAsync(0, $"SELECT count(*) FROM videos.generations WHERE user_id = {user}")).ShouldBe("0");
    }

    /// <summary>The token opens the call and is worth nothing when it is looked at again.</summary>
    private sealed class SignedInOnce : ICallerVerifier
    {
        private int _looks;

        public ValueTask<Outcome<Caller>> VerifyAsync(string accessToken, CancellationToken cancellationToken) => ValueTask.FromResult(
            Interlocked.Increment(ref _looks) == 1 && Id.TryParse(accessToken, out var user) ? Outcome<Caller>.Of(new Caller(user, 1, [])) : HttpProblems.Unauthenticated.Because("Signed out."));
    }

    private sealed class EverythingAllowed : IEntitlements
    {
        public Task<Entitlements> OfAsync(UserId user, CancellationToken cancellationToken) => Task.FromResult(new Entitlements("free", 100, 100, 0));
    }
}
