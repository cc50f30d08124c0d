using System.Text;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Http1;

namespace SkyRiff.Gateway.Decisions;

/// <summary>
/// Sends a share of a route's callers to another cluster, the same callers each time, and takes it back by itself when they fare worse. Until the
/// configuration is changed it stays taken back.
/// </summary>
internal sealed class Canary(CanaryConfig config, Arm arm)
{
    private readonly uint _threshold = (uint)(config.Percent * (uint.MaxValue / 100.0));
    private readonly byte[] _headerName = Encoding.ASCII.GetBytes(config.Header?.Key ?? "");
    private readonly byte[] _headerValue = Encoding.ASCII.GetBytes(config.Header?.Value ?? "");
    private readonly byte[] _cookieName = Encoding.ASCII.GetBytes(config.Cookie?.Key ?? "");
    private readonly byte[] _cookieValue = Encoding.ASCII.GetBytes(config.Cookie?.Value ?? "");

    public CanaryConfig Config { get; } = config;

    public Arm Arm { get; } = arm;

    public CanaryJudge Judge { get; } = new();

    public bool IsRolledBack => Config.Judge && Judge.IsRolledBack;

    /// <summary><paramref name="caller"/>: a number that is the same for the same caller.</summary>
    public bool Chooses(RequestHead head, ulong caller)
    {
        if (IsRolledBack) return false;
        if (_headerName.Length > 0 && head.TryGet(_headerName, out var value) && value.SequenceEqual(_headerValue)) return true;
        if (_cookieName.Length > 0 && Cookies.TryGet(head, _cookieName, out value) && value.SequenceEqual(_cookieValue)) return true;
        return _threshold > 0 && (uint)(caller >> 32) < _threshold;
    }
}

/// <summary>
/// Compares the canary with the rest over windows of calls. It is rolled back when, with enough calls on both sides, its share of failures is
/// higher by <see cref="FailureMargin"/>, or its mean latency by the factor <see cref="LatencyFactor"/> and <see cref="LatencyMarginMilliseconds"/>. Pure; thread-safe.
/// </summary>
internal sealed class CanaryJudge
{
    public const int CallsMin = 100;
    public const double FailureMargin = 0.05;
    public const double LatencyFactor = 1.5;
    public const double LatencyMarginMilliseconds = 20;

    /// <summary>After so many calls of the canary the counts are halved, so that the past weighs less than the present.</summary>
    private const int WindowCalls = 2000;

    private readonly Lock _lock = new();
    private Counts _canary;
    private Counts _others;
    private volatile bool _isRolledBack;

    public bool IsRolledBack => _isRolledBack;

    /// <summary>Why, once it is rolled back.</summary>
    public string Reason { get; private set; } = "";

    public void Report(bool isCanary, bool failed, double milliseconds)
    {
        if (_isRolledBack) return;
        lock (_lock)
        {
            ref var side = ref isCanary ? ref _canary : ref _others;
            side.Calls++;
            side.Milliseconds += milliseconds;
            if (failed) side.Failures++;
            if (isCanary) JudgeLocked();
        }
    }

    private void JudgeLocked()
    {
        if (_canary.Calls < CallsMin || _others.Calls < CallsMin) return;
        if (_canary.FailureShare > _others.FailureShare + FailureMargin)
            RollBack($"failures {_canary.FailureShare:P1} against {_others.FailureShare:P1}");
        else if (_canary.Mean > (_others.Mean * LatencyFactor) + LatencyMarginMilliseconds)
            RollBack($"latency {_canary.Mean:0} ms against {_others.Mean:0} ms");
        if (_canary.Calls < WindowCalls) return;
        _canary.Halve();
        _others.Halve();
    }

    private void RollBack(string reason)
    {
        Reason = reason;
        _isRolledBack = true;
    }

    private struct Counts
    {
        public double Calls;
        public double Failures;
        public double Milliseconds;

        public readonly double FailureShare => Calls == 0 ? 0 : Failures / Calls;

        public readonly double Mean => Calls == 0 ? 0 : Milliseconds / Calls;

        public void Halve() => (Calls, Failures, Milliseconds) = (Calls / 2, Failures / 2, Milliseconds / 2);
    }
}
