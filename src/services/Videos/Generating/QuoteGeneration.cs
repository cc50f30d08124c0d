using SkyRiff.Http;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Videos.Providers;

namespace SkyRiff.Videos.Generating;

/// <summary>POST /generations/quote: the price, with the defaults filled in.</summary>
internal sealed class QuoteGeneration(ModelCatalog catalog) : IUseCase<QuoteGeneration.Request, QuoteGeneration.Quote>
{
    internal sealed record Request(string? Model = null, int? Seconds = null, string? Size = null);

    internal sealed record Quote(string Model, int Seconds, string Size, long Credits);

    public Task<Outcome<Quote>> HandleAsync(Request request, Call call, CancellationToken cancellationToken) => Task.FromResult(
        catalog.Quote(request.Model, request.Seconds, request.Size, withReference: false).Map(offer => new Quote(offer.Model.Id, offer.Seconds, offer.Size.ToString(), offer.Credits)));
}
