using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>One use case that takes a JSON body. Made once per process; its dependencies are singletons.</summary>
public interface IUseCase<in TRequest, TReply>
{
    Task<Outcome<TReply>> HandleAsync(TRequest request, Call call, CancellationToken cancellationToken);
}

/// <summary>One use case without a body.</summary>
public interface IUseCase<TReply>
{
    Task<Outcome<TReply>> HandleAsync(Call call, CancellationToken cancellationToken);
}
