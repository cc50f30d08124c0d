using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.Http1;
using Outcome = SkyRiff.Resilience.Calls.Verdict;

namespace SkyRiff.Gateway.Kestrel;

/// <content>The same request over two connections; the loser's is closed.</content>
internal sealed partial class Http1Forwarder
{
    private sealed partial class Exchange
    {
        private async Task<ParseStatus> RaceAsync(TimeSpan timeout)
        {
            // Either the race ends a contender, or it is who answers, and its connection is ours.
            var asked = new Asked(this, call.Verdict.Target!, call.AttemptBegan, _upstream, _head, call.Limit);
            var left = await race.RunAsync(call, asked, timeout, target => new Asked(this, target, race.Now, null, new ResponseHead(), call.Limit), call.Limit);
            try
            {
                await left.Answering;
                return left.Status;
            }
            finally
            {
                (_upstream, _head) = (left.Release(), left.Head);
            }
        }

        private async Task<Http1Upstream> OpenAsync(Target target, CancellationToken cancellationToken)
        {
            var cluster = call.Verdict.Arm!.Cluster;
            return pool.TryTake(target, cluster) ?? await Http1Upstream.ConnectAsync(target, cluster.Config.ConnectTimeout, cancellationToken);
        }

        private async Task SendCopyAsync(Http1Upstream upstream, int length, CancellationToken cancellationToken)
        {
            await upstream.SendAsync(Out.AsMemory(0, length), cancellationToken);
            if (call.Kept is { } body) await upstream.SendAsync(body.Framed(call.Head.Body), cancellationToken);
        }

        private sealed class Asked : Contender
        {
            private readonly Exchange _exchange;
            private readonly CancellationTokenSource _limit;
            private readonly bool _isSecond;
            private bool _wasNotSent;

            public Asked(Exchange exchange, Target target, long began, Http1Upstream? connection, ResponseHead head, CancellationToken limit)
                : base(target, began)
            {
                (_exchange, Connection, Head, _isSecond) = (exchange, connection, head, connection is null);
                _limit = CancellationTokenSource.CreateLinkedTokenSource(limit);
                Answering = AskAsync();
            }

            public Http1Upstream? Connection { get; private set; }

            public ResponseHead Head { get; }

            public ParseStatus Status { get; private set; } = ParseStatus.Incomplete;

            public override Task<bool> Answering { get; }

            /// <summary>A used connection that ended was dead before.</summary>
            public override Outcome OutcomeOfLoss => _wasNotSent || (Connection is { WasUsed: true } && Status == ParseStatus.Incomplete) ? Outcome.Abandoned : Outcome.Failed;

            public override async ValueTask DisposeAsync()
            {
                await _limit.CancelAsync();
                Connection?.Dispose();
                await ((Task)Answering).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                Connection?.Dispose();
                _limit.Dispose();
            }

            /// <summary>Its connection, if there is one, is the caller's from now on.</summary>
            public Http1Upstream? Release()
            {
                _limit.Dispose();
                return Connection;
            }

            private async Task<bool> AskAsync()
            {
                if (_isSecond && !await TrySendAsync()) return false;
                Status = await _exchange.ReadFinalHeadAsync(Connection!, Head, _limit.Token);
                return Status == ParseStatus.Complete && Head.Status < 500;
            }

            private async Task<bool> TrySendAsync()
            {
                var length = _exchange.WriteRequest();
                _wasNotSent = length < 0;
                if (_wasNotSent) return false;
                Connection = await _exchange.OpenAsync(Target, _limit.Token);
                await _exchange.SendCopyAsync(Connection, length, _limit.Token);
                return true;
            }
        }
    }
}
