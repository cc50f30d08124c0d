using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Videos.Providers;

namespace SkyRiff.Videos.Generating;

/// <summary>GET /models.</summary>
internal sealed class ListModels(ModelCatalog catalog) : IUseCase<ListReply<ListModels.Model>>
{
    internal sealed record Model(
        string Id, string Name, string Provider, IReadOnlyList<int> Seconds, IReadOnlyList<string> Sizes, int DefaultSeconds, string DefaultSize, int CreditsPerSecond, bool SupportsInputReference, DateOnly? RetiresOn);

    public Task<Outcome<ListReply<Model>>> HandleAsync(Call call, CancellationToken cancellationToken)
    {
        var models = catalog.Offered().Select(offer => new Model(
            offer.Model.Id, offer.Model.Name, offer.Provider.Name, offer.Model.Seconds, [.. offer.Model.Sizes.Select(size => size.ToString())],
            offer.Model.Seconds[0], offer.Model.Sizes[0].ToString(), offer.Model.CreditsPerSecond, offer.Model.TakesReference, offer.Model.RetiresOn));
        return Task.FromResult<Outcome<ListReply<Model>>>(new ListReply<Model>([.. models], null));
    }
}
