using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Videos.Generating;

/// <summary>GET /generations/{id}, for its owner.</summary>
internal sealed class GetGeneration(GenerationStore store, GenerationViews views) : IUseCase<GenerationView>
{
    public async Task<Outcome<GenerationView>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        if (!call.RouteId<GenerationId>("id").TryGet(out var id, out _) || await store.FindAsync(id, UserId.Of(call.Caller.Subject), cancellationToken) is not { } row)
        {
            return VideoProblems.GenerationNotFound.Because("GET /api/v1/generations lists yours.");
        }
        return await views.OfAsync(row, cancellationToken);
    }
}

/// <summary>GET /generations, newest first.</summary>
internal sealed class ListGenerations(GenerationStore store, GenerationViews views) : IUseCase<ListReply<GenerationView>>
{
    public async Task<Outcome<ListReply<GenerationView>>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        if (!call.Page("generations").TryGet(out var page, out var problem)) return problem;
        var user = UserId.Of(call.Caller.Subject);
        var before = page.After is null ? (GenerationId?)null : GenerationId.Of(long.Parse(page.After));
        var rows = await store.ListAsync(user, before, page.Limit + 1, cancellationToken);
        var shown = rows.Take(page.Limit).ToList();
        return call.List("generations", await views.OfAsync(user, shown, cancellationToken), rows.Count > page.Limit ? shown[^1].Id.Value.ToString() : null);
    }
}

/// <summary>What an event stream may have missed.</summary>
internal sealed class GenerationEvents(GenerationStore store, GenerationViews views) : IUserEventSource
{
    private const int EventsMax = 50;

    public async Task<IReadOnlyList<UserEvent>> SinceAsync(long user, DateTimeOffset? since, CancellationToken cancellationToken)
    {
        var rows = await store.ChangedAsync(UserId.Of(user), since, EventsMax, cancellationToken);
        return [.. rows.OrderBy(row => row.UpdatedAt).Select(views.EventOf)];
    }
}
