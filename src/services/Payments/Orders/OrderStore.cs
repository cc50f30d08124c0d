using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Kernel.Ids;

namespace SkyRiff.Payments.Orders;

/// <summary>The SQL of orders. Every method takes the caller's session, so that it can be part of a transaction.</summary>
internal static class OrderStore
{
    private static readonly Sql.Verbatim Columns = Sql.Splice("id, user_id, pack, credits, price_amount, price_currency, provider, status::text, created_at");

    public static Task<Order> AddAsync(SqlSession session, UserId user, CreditPackOptions pack, string provider, CancellationToken cancellationToken) => session.SingleAsync(
        $"""
        INSERT INTO payments.orders (id, user_id, pack, credits, price_amount, price_currency, provider)
        VALUES (skyriff.next_id({user.Slot()}), {user}, {pack.Id}, {pack.Credits}, {pack.PriceAmount}, {pack.PriceCurrency}, {provider})
        RETURNING {Columns}
        """, Read, cancellationToken);

    /// <summary>The user's own order, or null.</summary>
    public static Task<Order?> FindAsync(SqlSession session, UserId user, OrderId order, CancellationToken cancellationToken) =>
        session.FirstAsync($"SELECT {Columns} FROM payments.orders WHERE id = {order} AND user_id = {user}", Read, cancellationToken);

    /// <summary>A provider's order, locked until the transaction ends, or null.</summary>
    public static Task<Order?> LockAsync(SqlSession session, OrderId order, string provider, CancellationToken cancellationToken) =>
        session.FirstAsync($"SELECT {Columns} FROM payments.orders WHERE id = {order} AND provider = {provider} FOR UPDATE", Read, cancellationToken);

    public static Task<List<Order>> ListAsync(SqlSession session, UserId user, long before, int count, CancellationToken cancellationToken) =>
        session.ListAsync($"SELECT {Columns} FROM payments.orders WHERE user_id = {user} AND id < {before} ORDER BY id DESC LIMIT {count}", Read, cancellationToken);

    public static Task<int> SetStatusAsync(SqlSession session, OrderId order, OrderStatus status, CancellationToken cancellationToken) => session.ExecuteAsync(
        $"UPDATE payments.orders SET status = {NameOf(status)}::payments.order_status, changed_at = clock_timestamp() WHERE id = {order}", cancellationToken);

    private static Order Read(SqlRow row) => new(
        row.Id<OrderId>(0), row.Id<UserId>(1), row.Text(2), row.Long(3), new Money(row.Long(4), row.Text(5)), row.Text(6), Enum.Parse<OrderStatus>(row.Text(7), ignoreCase: true), row.Time(8));

    private static string NameOf(OrderStatus status) => status switch
    {
        OrderStatus.Pending => "pending",
        OrderStatus.Failed => "failed",
        OrderStatus.Paid => "paid",
        _ => "refunded",
    };
}
