namespace SkyRiff.Redis.Connections;

/// <summary>
/// The replies that one receive brought, completed together. Waking one pool thread per reply is what makes clients slow, and running every
/// continuation on the reader lets one that blocks stop them all. So:
/// <list type="number">
/// <item>The reader asks for its next bytes first, then runs the continuations itself, one after another.</item>
/// <item>Before that it queues one helper to the pool. A helper that finds work left queues the next helper, then takes continuations too. So
/// while any is left, somebody who is not blocked will take it, and cheap batches end before a helper wakes.</item>
/// <item>Commands issued by the continuations are held and sent in one go (<see cref="TryHold"/>), at the latest when the last continuation is
/// taken: whoever takes it sends what everybody held first, and from then on nothing is held. A continuation may therefore block on its own command.</item>
/// </list>
/// </summary>
internal sealed class CompletionBatch : IThreadPoolWorkItem
{
    public const int Capacity = 512;

    /// <summary>Held commands are sent after this many, so that the server works while we do.</summary>
    private const int HeldMax = 32;

    private const int TouchedMax = 8;

    [ThreadStatic]
    private static CompletionBatch? _running;

    [ThreadStatic]
    private static int _held;

    [ThreadStatic]
    private static bool _runsLast;

    private readonly PendingReply[] _items = new PendingReply[Capacity];
    private readonly Connection?[] _touched = new Connection?[TouchedMax];
    private readonly Lock _touchedLock = new();
    private int _touchedCount;
    private int _count;
    private int _next;
    private int _holders;

    public int Count => _count;

    /// <summary>Whether this thread runs the last of a batch, whose commands nobody would gain by waiting for.</summary>
    public static bool RunsLast => _runsLast;

    public static CompletionBatch Rent()
    {
        var batch = ThreadCachedPool<CompletionBatch>.Rent();
        batch._holders = 1;
        return batch;
    }

    public void Add(PendingReply command) => _items[_count++] = command;

    /// <summary>Runs all continuations, sharing them with helpers from the pool unless <paramref name="alone"/>; the batch is gone afterwards.</summary>
    public void Run(bool alone)
    {
        if (_count == 1)
        {
            var only = _items[0];
            Release();
            only.Complete();
            return;
        }

        if (_count > 1 && !alone)
            QueueHelper();
        RunItems();
        Release();
    }

    /// <summary>Has all continuations run by the pool.</summary>
    public void RunElsewhere()
    {
        QueueHelper();
        Release();
    }

    void IThreadPoolWorkItem.Execute()
    {
        if (_count - Volatile.Read(ref _next) > 1)
            QueueHelper();
        RunItems();
        Release();
    }

    /// <summary>
    /// Whether this thread runs a batch or a <see cref="PipelineScope"/> that will send what was just appended to <paramref name="connection"/>.
    /// The append comes before this call, the look at the remaining count last (see <see cref="RunItems"/> for the other half).
    /// </summary>
    public static bool TryHold(Connection connection)
    {
        var batch = _running;
        if (batch is null || !batch.TryTouch(connection))
            return false;

        if (++_held >= HeldMax)
        {
            batch.SendHeld();
            return true;
        }

        Interlocked.MemoryBarrier();
        return Volatile.Read(ref batch._next) < batch._count;
    }

    public static CompletionBatch? EnterScope()
    {
        if (_running is not null)
            return null;

        var batch = Rent();
        batch._count = int.MaxValue;
        _running = batch;
        _held = 0;
        return batch;
    }

    public void LeaveScope()
    {
        _running = null;
        _count = 0;
        SendHeld();
        Release();
    }

    private void QueueHelper()
    {
        Interlocked.Increment(ref _holders);
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private void RunItems()
    {
        var outer = _running;
        _running = this;
        _held = 0;
        int index;
        while ((index = Interlocked.Increment(ref _next) - 1) < _count)
        {
            if (index == _count - 1)
            {
                _running = null;
                SendHeld();
                _runsLast = true;
            }

            _items[index].Complete();
        }

        _runsLast = false;
        _running = outer;
        SendHeld();
    }

    private bool TryTouch(Connection connection)
    {
        for (var index = 0; index < Volatile.Read(ref _touchedCount); index++)
        {
            if (ReferenceEquals(_touched[index], connection))
                return true;
        }

        lock (_touchedLock)
        {
            if (_touchedCount == TouchedMax)
                return false;
            _touched[_touchedCount] = connection;
            Volatile.Write(ref _touchedCount, _touchedCount + 1);
            return true;
        }
    }

    private void SendHeld()
    {
        _held = 0;
        for (var index = 0; index < Volatile.Read(ref _touchedCount); index++)
            _touched[index]!.FlushHere();
    }

    private void Release()
    {
        if (Interlocked.Decrement(ref _holders) > 0)
            return;

        if (_count is > 0 and <= Capacity)
            Array.Clear(_items, 0, _count);
        Array.Clear(_touched, 0, _touchedCount);
        _touchedCount = 0;
        _count = 0;
        _next = 0;
        ThreadCachedPool<CompletionBatch>.Return(this);
    }
}

/// <summary>
/// Commands that this thread issues until the scope is disposed leave together. Do not await or block on them inside (being a ref struct, it cannot
/// be held across an await). Worth it where a loop issues many commands and awaits them afterwards.
/// </summary>
public ref struct PipelineScope
{
    private CompletionBatch? _batch;

    internal PipelineScope(CompletionBatch? batch) => _batch = batch;

    /// <summary>Sends what was held.</summary>
    public void Dispose()
    {
        _batch?.LeaveScope();
        _batch = null;
    }
}
