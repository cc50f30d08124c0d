using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Payments.Orders;
using Xunit;

namespace SkyRiff.Services.Tests.Payments;

public sealed class OrderProgressTests
{
    private static readonly Arbitrary<PaymentEventType[]> Histories =
        Gen.ArrayOf(Gen.Elements(PaymentEventType.Failed, PaymentEventType.Succeeded, PaymentEventType.Refunded)).ToArbitrary();

    [Fact]
    public void Whatever_the_order_and_however_often_events_come_the_end_is_the_same() => Prop.ForAll(Histories, history =>
    {
        var expected = history.Contains(PaymentEventType.Refunded) ? OrderStatus.Refunded
            : history.Contains(PaymentEventType.Succeeded) ? OrderStatus.Paid
            : history.Contains(PaymentEventType.Failed) ? OrderStatus.Failed
            : OrderStatus.Pending;
        return Live(history).Status == expected && Live([.. history.Reverse()]).Status == expected && Live([.. history, .. history]).Status == expected;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Credits_are_given_at_most_once_and_taken_back_only_if_they_were_given() => Prop.ForAll(Histories, history =>
    {
        var (status, given, taken) = Live(history);
        return given <= 1 && taken <= given && given - taken == (status is OrderStatus.Paid ? 1 : 0);
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(nameof(OrderStatus.Pending), nameof(PaymentEventType.Succeeded), nameof(OrderStatus.Paid), nameof(OrderEffect.GiveCredits))]
    [InlineData(nameof(OrderStatus.Failed), nameof(PaymentEventType.Succeeded), nameof(OrderStatus.Paid), nameof(OrderEffect.GiveCredits))]
    [InlineData(nameof(OrderStatus.Paid), nameof(PaymentEventType.Succeeded), nameof(OrderStatus.Paid), nameof(OrderEffect.None))]
    [InlineData(nameof(OrderStatus.Paid), nameof(PaymentEventType.Failed), nameof(OrderStatus.Paid), nameof(OrderEffect.None))]
    [InlineData(nameof(OrderStatus.Paid), nameof(PaymentEventType.Refunded), nameof(OrderStatus.Refunded), nameof(OrderEffect.TakeCreditsBack))]
    [InlineData(nameof(OrderStatus.Pending), nameof(PaymentEventType.Refunded), nameof(OrderStatus.Refunded), nameof(OrderEffect.None))]
    [InlineData(nameof(OrderStatus.Refunded), nameof(PaymentEventType.Succeeded), nameof(OrderStatus.Refunded), nameof(OrderEffect.None))]
    public void Each_step_is_what_the_drawing_says(string status, string what, string then, string effect) =>
        OrderProgress.After(Enum.Parse<OrderStatus>(status), Enum.Parse<PaymentEventType>(what)).ShouldBe((Enum.Parse<OrderStatus>(then), Enum.Parse<OrderEffect>(effect)));

    private static (OrderStatus Status, int Given, int Taken) Live(PaymentEventType[] history)
    {
        var (status, given, taken) = (OrderStatus.Pending, 0, 0);
        foreach (var what in history)
        {
            (status, var effect) = OrderProgress.After(status, what);
            if (effect is OrderEffect.GiveCredits) given++;
            if (effect is OrderEffect.TakeCreditsBack) taken++;
        }
        return (status, given, taken);
    }
}
