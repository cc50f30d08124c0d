using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Idempotency;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Objects;
using SkyRiff.Objects.Disk;
using SkyRiff.Videos.Avatars;
using SkyRiff.Videos.Feed;
using SkyRiff.Videos.Forgetting;
using SkyRiff.Videos.Generating;
using SkyRiff.Videos.Media;
using SkyRiff.Videos.Playback;
using SkyRiff.Videos.Providers;
using SkyRiff.Videos.Providers.OpenAiVideos;
using SkyRiff.Videos.Providers.Studio;
using SkyRiff.Videos.Publishing;

namespace SkyRiff.Videos;

/// <summary>Generations, the works they become, and the files that players fetch.</summary>
public sealed class VideosModule : Module
{
    private static readonly (string, string) Cursor = ("cursor", "Where to go on: a nextCursor.");
    private static readonly (string, string) Limit = ("limit", "1 to 100; 20 by default.");

    public override string Name => "videos";

    public override void Register(IServiceCollection services, IConfiguration configuration)
    {
        var options = services.AddOptionsOf<VideosOptions>(configuration, "Videos", videos => videos.Validate());
        services.AddSingleton(options.Rules);
        services.AddSingleton(options.Studio);
        services.AddSingleton(options.Sweep);
        services.AddSingleton(new MediaOptions { ScratchRoot = options.ScratchFolder, Threads = Math.Clamp(Environment.ProcessorCount, 1, 16) });
        services.AddSingleton<IObjectStore>(provider => new DiskObjectStore(new DiskObjectStoreOptions { Root = options.ObjectsFolder }, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<Entropy>()));
        services.AddSingleton<VideosDatabase>();
        services.AddSingleton(provider => new JobQueue(provider.GetRequiredService<VideosDatabase>(), options.Jobs));
        services.AddSingleton<QueueView>();
        services.AddHostedService(provider => provider.GetRequiredService<QueueView>()); // positions are told by whoever answers calls
        services.AddSingleton<Ffmpeg>();
        services.AddSingleton<MediaProbe>();
        services.AddSingleton<Packager>();
        services.AddSingleton<ReferenceImageChecker>();
        services.AddSingleton<ReferenceImages>();
        services.AddSingleton<StudioRenderer>();
        if (options.Studio.Enabled) services.AddSingleton<IVideoProvider, StudioProvider>();
        foreach (var (name, gateway) in options.OpenAiVideos) services.AddSingleton<IVideoProvider>(provider => new OpenAiVideosProvider(name, gateway, HttpClientOf(gateway), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ModelCatalog>();
        services.AddSingleton<WaitEstimate>();
        services.AddSingleton<ProviderPauses>();
        services.AddSingleton<GenerationStore>();
        services.AddSingleton<GenerationViews>();
        services.AddSingleton<Acceptance>();
        services.AddSingleton<Settlement>();
        services.AddSingleton(new MediaRoom(options.PackagingsAtOnce));
        services.AddSingleton<PhaseWork>();
        services.AddSingleton<GenerationWorker>();
        services.AddSingleton<MediaUrls>();
        services.AddSingleton<MediaAccess>();
        services.AddSingleton<ServeMedia>();
        services.AddSingleton<ReceiveProviderWebhook>();
        services.AddSingleton<WorkViews>();
        services.AddSingleton<WorkCopies>();
        services.AddSingleton(options.Feed);
        services.AddSingleton<SearchRoom>();
        services.AddSingleton<LatestBoard>();
        services.AddSingleton<LatestFeed>();
        services.AddSingleton<BoardKeeping>();
        services.AddSingleton<IFeedRebuild>(provider => provider.GetRequiredService<BoardKeeping>());
        services.AddSingleton<IUserEventSource, GenerationEvents>();
        services.AddSingleton<IWorkCounts, WorkCountsOfUsers>();
        services.AddSingleton<IWorks, VisibleWorks>();
        services.AddSingleton<IAvatars, AvatarPictures>();
    }

    public override void Http(ApiRoutes api)
    {
        api.Get<ListModels, ListReply<ListModels.Model>>("/models").Open().Says("The models: what they make and what it costs.");
        api.Post<QuoteGeneration, QuoteGeneration.Request, QuoteGeneration.Quote>("/generations/quote").Says("The price of a clip, with the defaults filled in.")
            .Refuses(VideoProblems.UnknownModel, VideoProblems.NotOffered);
        api.Post<RequestGeneration, RequestGeneration.Request, StoredReply>("/generations").Idempotent().Replies<GenerationView>(202).BodyMax(RequestGeneration.BodyBytesMax)
            .Says("Orders a clip: holds its price and queues it. Nothing is paid unless the clip is made.")
            .Refuses(VideoProblems.UnknownModel, VideoProblems.NotOffered, VideoProblems.DailyLimit, VideoProblems.TooManyAtOnce, CreditProblems.Insufficient, CreditProblems.Settled,
                MediaProblems.ImageEmpty, MediaProblems.ImageTooLarge, MediaProblems.ImageType, MediaProblems.ImageUnreadable, MediaProblems.ImageDimensions);
        api.Get<ListGenerations, ListReply<GenerationView>>("/generations").Takes(Cursor, Limit).Says("The caller's generations, newest first.");
        api.Get<GetGeneration, GenerationView>("/generations/{id}").Says("One generation, with its receipt.").Refuses(VideoProblems.GenerationNotFound);
        api.Delete<CancelGeneration, GenerationView>("/generations/{id}").Says("Cancels it and gives the held credits back.").Refuses(VideoProblems.GenerationNotFound, VideoProblems.TooLateToCancel);
        api.Post<PublishWork, PublishWork.Request, StoredReply>("/works").Idempotent().Replies<WorkView>(201).Says("Publishes a ready generation.")
            .Refuses(VideoProblems.GenerationNotFound, VideoProblems.NotReady, VideoProblems.AlreadyPublished);
        api.Get<ListWorks, ListReply<WorkView>>("/works").Open().Says("Published works, newest first.")
            .Takes(("feed", "latest"), ("tag", "Only works with this tag."), ("author", "An id or a handle."), ("q", "Words in the title or description."), Cursor, Limit).Refuses(VideoProblems.UnknownFeed);
        api.Get<GetWork, WorkView>("/works/{id}").Open().Says("One work, with where to play it.").Refuses(VideoProblems.WorkNotFound);
        api.Patch<ChangeWork, ChangeWork.Request, WorkView>("/works/{id}").Says("Changes a work; what is absent stays.").Refuses(VideoProblems.WorkNotFound);
        api.Delete<DeleteWork, Done>("/works/{id}").Says("Takes a work down; the generation stays.").Refuses(VideoProblems.WorkNotFound);
        var callbacks = api.Service<ReceiveProviderWebhook>();
        api.Raw("POST", "/webhooks/providers/{provider}", callbacks.HandleAsync).Anonymous().TakesRaw("application/json").BodyMax(ReceiveProviderWebhook.BodyBytesMax).Replies<ProviderWebhookReply>()
            .Says("A video provider's callback, signed by the Standard Webhooks specification; it only has the job looked at.")
            .Refuses(VideoProblems.NoSuchProvider, VideoProblems.BadSignature, VideoProblems.BadEvent, HttpProblems.TooLarge);
        var media = api.Service<ServeMedia>();
        foreach (var method in new[] { "GET", "HEAD" })
        {
            api.Raw(method, "/media/{**path}", media.HandleAsync, underPrefix: false).Anonymous().Replies<byte[]>(200, "application/octet-stream")
                .Says("A stored file, whole or by one byte range.").Refuses(VideoProblems.RangeNotSatisfiable);
        }
    }

    public override void Loops(IServiceCollection services)
    {
        services.AddSingleton<FileSweep>();
        services.AddSingleton<GenerationSweep>();
        services.AddHostedService(provider => provider.GetRequiredService<GenerationSweep>());
        services.AddHostedService(provider => provider.GetRequiredService<FileSweep>());
        services.AddHostedService<GenerationRunners>();
        services.AddHostedService<AvatarSweep>();
        services.AddHostedService(provider => provider.GetRequiredService<BoardKeeping>());
        services.AddDataLoops<VideosDatabase>();
    }

    public override void Consumers(IServiceCollection services) => services.AddSingleton<IEventConsumer, ForgetUser>().AddSingleton<IEventConsumer, FollowWorks>();

    private static HttpClient HttpClientOf(OpenAiVideosOptions options) => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        MaxConnectionsPerServer = Math.Min(256, options.ConcurrencyMax),
    })
    {
        Timeout = Timeout.InfiniteTimeSpan, // each call has its own
    };
}
