namespace SkyRiff.Data;

/// <summary>An event on its way from the service where it happened to those that care.</summary>
/// <param name="Id">Unique over all shards and services; what consumers remember.</param>
/// <param name="Topic"><c>service.thing_happened</c>.</param>
/// <param name="Key">The id of what it is about: events of one key arrive in the order they were committed in, as long as their writers excluded each other.</param>
/// <param name="Payload">JSON.</param>
/// <param name="TraceParent">W3C trace context of the change.</param>
public sealed record EventEnvelope(long Id, string Topic, long Key, string Payload, string? TraceParent);

/// <summary>Where the relay hands events over. Returning means that the event is safe (delivered, or confirmed by a broker); throwing means that it comes again.</summary>
public interface IEventPublisher
{
    /// <summary>Publishes one event; several may be in flight at a time, never two of one key.</summary>
    Task PublishAsync(EventEnvelope envelope, CancellationToken cancellationToken);
}

/// <summary>Handles events at least once: remember them with <see cref="Inbox"/> in the transaction of the effect.</summary>
public interface IEventConsumer
{
    /// <summary>Unique and never changed: the inbox knows the consumer by it.</summary>
    string Name { get; }

    /// <summary>What it wants to hear of.</summary>
    IReadOnlySet<string> Topics { get; }

    /// <summary>Has the event's effect, once: see <see cref="Inbox.FirstTimeAsync"/>. Throwing means that the event comes again.</summary>
    Task HandleAsync(EventEnvelope envelope, CancellationToken cancellationToken);
}
