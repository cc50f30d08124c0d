using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Social.Likes;

namespace SkyRiff.Social;

/// <summary>What people do with each other's works. Implements <see cref="ILikes"/>; expects <see cref="IWorks"/> among the services.</summary>
public sealed class SocialModule : Module
{
    public override string Name => "social";

    public override void Register(IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton<SocialDatabase>();
        services.AddSingleton<ILikes, LikesOfWorks>();
    }

    public override void Http(ApiRoutes api)
    {
        api.Put<LikeWork, LikeReply>("/works/{id}/like").Says("Likes a work; once, however often it is said.").Refuses(WorkProblems.NotFound);
        api.Delete<UnlikeWork, LikeReply>("/works/{id}/like").Says("Takes the caller's like back, if there is one.").Refuses(WorkProblems.NotFound);
    }

    public override void Consumers(IServiceCollection services) => services.AddSingleton<IEventConsumer, ForgetLikes>();
}
