using System.Diagnostics;

namespace SkyRiff.Data;

/// <summary>
/// Hands events to the consumers of the same process. An event is published when every consumer of its topic has handled it; if one fails, it comes
/// again for all of them, which the <see cref="Inbox"/> makes harmless.
/// </summary>
public sealed class InProcessBus : IEventPublisher
{
    private static readonly ActivitySource Source = new("SkyRiff.Data");

    private readonly Dictionary<string, IEventConsumer[]> _byTopic;

    /// <exception cref="ArgumentException">Two consumers have one name.</exception>
    public InProcessBus(IEnumerable<IEventConsumer> consumers)
    {
        var all = consumers.ToList();
        var twins = all.GroupBy(consumer => consumer.Name).FirstOrDefault(group => group.Count() > 1);
        if (twins is not null) throw new ArgumentException($"Two consumers are named {twins.Key}.", nameof(consumers));
        _byTopic = all.SelectMany(consumer => consumer.Topics.Select(topic => (topic, consumer)))
            .GroupBy(pair => pair.topic, pair => pair.consumer)
            .ToDictionary(group => group.Key, group => group.ToArray());
    }

    public async Task PublishAsync(EventEnvelope envelope, CancellationToken cancellationToken)
    {
        if (!_byTopic.TryGetValue(envelope.Topic, out var consumers)) return;
        foreach (var consumer in consumers)
        {
            using var activity = Source.StartActivity($"{consumer.Name} handles {envelope.Topic}", ActivityKind.Consumer, envelope.TraceParent);
            await consumer.HandleAsync(envelope, cancellationToken);
        }
    }
}
