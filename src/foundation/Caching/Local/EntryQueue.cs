namespace SkyRiff.Caching.Local;

/// <summary>A doubly linked queue through the entries themselves, weighed. Not thread-safe.</summary>
internal sealed class EntryQueue(EntryQueueName name)
{
    /// <summary>The newest.</summary>
    public LocalEntry? Head { get; private set; }

    /// <summary>The oldest.</summary>
    public LocalEntry? Tail { get; private set; }

    public long Weight { get; private set; }

    public int Count { get; private set; }

    public void Push(LocalEntry entry)
    {
        entry.Queue = name;
        entry.QueuePrevious = null;
        entry.QueueNext = Head;
        if (Head is null)
            Tail = entry;
        else
            Head.QueuePrevious = entry;
        Head = entry;
        Weight += entry.Weight;
        Count++;
    }

    public void Remove(LocalEntry entry)
    {
        if (entry.QueuePrevious is null)
            Head = entry.QueueNext;
        else
            entry.QueuePrevious.QueueNext = entry.QueueNext;
        if (entry.QueueNext is null)
            Tail = entry.QueuePrevious;
        else
            entry.QueueNext.QueuePrevious = entry.QueuePrevious;

        entry.QueuePrevious = entry.QueueNext = null;
        entry.Queue = EntryQueueName.None;
        Weight -= entry.Weight;
        Count--;
    }

    public void MoveToHead(LocalEntry entry)
    {
        if (Head == entry)
            return;
        Remove(entry);
        Push(entry);
    }
}
