using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Videos.Providers;

/// <summary>What is offered now: the models of all configured providers, and how a wish becomes a quote.</summary>
internal sealed class ModelCatalog(IEnumerable<IVideoProvider> providers, VideosOptions options, TimeProvider time)
{
    private readonly IVideoProvider[] _providers = [.. providers];

    /// <summary>A wish with the defaults filled in, and its price.</summary>
    internal sealed record Offer(IVideoProvider Provider, VideoModel Model, int Seconds, FrameSize Size, long Credits);

    public IReadOnlyList<IVideoProvider> Providers => _providers;

    public IVideoProvider? ProviderOf(string name) => Array.Find(_providers, provider => provider.Name == name);

    public IEnumerable<(IVideoProvider Provider, VideoModel Model)> Offered()
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        return from provider in _providers from model in provider.Models where model.RetiresOn is not { } day || today < day select (provider, model);
    }

    public Outcome<Offer> Quote(string? modelId, int? seconds, string? size, bool withReference)
    {
        var offered = Offered().ToList();
        var wanted = modelId ?? options.DefaultModel;
        var found = wanted.Length == 0 ? offered.FirstOrDefault() : offered.FirstOrDefault(offer => offer.Model.Id == wanted);
        if (found.Model is not { } model)
        {
            return VideoProblems.UnknownModel.Because("GET /api/v1/models lists those that are offered.", [new FieldError("/model", $"One of: {string.Join(", ", offered.Select(offer => offer.Model.Id))}.")]);
        }

        List<FieldError> errors = [];
        var length = seconds ?? model.Seconds[0];
        if (!model.Seconds.Contains(length)) errors.Add(new FieldError("/seconds", $"{model.Id} makes clips of {string.Join(", ", model.Seconds)} seconds."));
        var frame = model.Sizes[0];
        if (size is not null && (!FrameSize.TryParse(size, out frame) || !model.Sizes.Contains(frame))) errors.Add(new FieldError("/size", $"{model.Id} makes {string.Join(", ", model.Sizes)}."));
        if (withReference && !model.TakesReference) errors.Add(new FieldError("/inputReference", $"{model.Id} takes no reference image."));
        return errors.Count > 0
            ? VideoProblems.NotOffered.Because("GET /api/v1/models tells what each model offers; see errors.", errors)
            : new Offer(found.Provider, model, length, frame, model.PriceOf(length));
    }
}
