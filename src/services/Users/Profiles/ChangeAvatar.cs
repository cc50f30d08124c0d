using Microsoft.Extensions.Logging;
using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Users.Profiles;

/// <summary>PUT /users/me/avatar: the body is the image. The new picture is stored, then named by the user's row, then the former one is deleted.</summary>
internal sealed class ChangeAvatar(UserStore users, ProfileCopies copies, IAvatars avatars, ILogger<ChangeAvatar> logger)
{
    public const int BodyBytesMax = 5 << 20;

    public async Task HandleAsync(Call call, CancellationToken cancellationToken)
    {
        var outcome = await ChangeAsync(call, cancellationToken);
        if (!outcome.TryGet(out var me, out var problem))
        {
            await ProblemWriter.WriteAsync(call.Http, problem);
            return;
        }
        call.Http.Response.ContentType = "application/json; charset=utf-8";
        call.Http.Response.Headers.CacheControl = "no-store";
        await call.Http.Response.Body.WriteAsync(ApiJson.Bytes(me), cancellationToken);
    }

    private async Task<Outcome<Me>> ChangeAsync(Call call, CancellationToken cancellationToken)
    {
        var request = call.Http.Request;
        if (request.Headers.ContentEncoding.Count > 0) return HttpProblems.UnsupportedMediaType.Because("Send the image as it is, without Content-Encoding.");
        if (request.ContentType?.StartsWith("image/", StringComparison.OrdinalIgnoreCase) is not true) return AvatarProblems.Type.Because("Send a PNG, JPEG or WebP image, with its Content-Type.");
        if (!(await call.ReadBodyAsync(cancellationToken)).TryGet(out var image, out var problem)) return problem;

        var user = UserId.Of(call.Caller.Subject);
        if (!(await avatars.StoreAsync(user, image, request.ContentType, cancellationToken)).TryGet(out var path, out problem)) return problem;
        if (await users.ChangeAvatarAsync(user, path, cancellationToken) is not var (changed, former)) return UserProblems.UserNotFound.Because("The account is gone.");
        await copies.ChangedAsync(user);
        if (former is not null) await ForgetAsync(user, former);
        return Me.Of(changed);
    }

    /// <summary>The change is made: what goes wrong here is the sweep's to finish.</summary>
    private async Task ForgetAsync(UserId user, string former)
    {
        try
        {
            await avatars.DeleteAsync(user, former, CancellationToken.None);
        }
        catch (Exception failure)
        {
            logger.LogWarning("The former avatar of user {User} was not deleted: {Reason}", user, failure.Message);
        }
    }
}
