using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using SkyRiff.Gateway.Compression;
using SkyRiff.Gateway.Configuration;
using SkyRiff.Gateway.Decisions;
using SkyRiff.Gateway.ResponseCache;
using SkyRiff.Kernel;
using Xunit;

namespace SkyRiff.Services.Tests.Gateway.ResponseCache;

public sealed class ResponseStoreTests
{
    private const long BytesMax = 1 << 20;
    private static readonly RouteCache Route = RouteCache.Of(new RouteConfig("r") { Cache = new CacheConfig() }, null, null)!;
    private static readonly EdgeVerdict Nobody = new PureCache().Begin("GET /", out _);

    [Fact]
    public void Whatever_is_done_it_never_holds_more_than_its_bound() => Prop.ForAll(
        Gen.ArrayOf(Gen.Choose(0, int.MaxValue)).Resize(400).ToArbitrary(),
        choices =>
        {
            var store = new ResponseStore(new ResponseStoreConfig { BytesMax = BytesMax }, Entropy.Seeded(1));
            var stored = new List<(byte[] Key, StoredResponse Response)>();
            foreach (var choice in choices)
            {
                var key = Encoding.ASCII.GetBytes("/" + (choice % 60));
                var address = store.AddressOf(key);
                switch (choice / 64 % 6)
                {
                    case 0 or 1:
                        var response = Response(choice % 30_000, $"v{choice / 512 % 4}");
                        store.Put(address, key, response);
                        stored.Add((key, response));
                        break;
                    case 2 when stored.Count > 0:
                        var (grownKey, grown) = stored[choice % stored.Count];
                        store.AddVariant(store.AddressOf(grownKey), grown, choice % 2 == 0 ? Coding.Brotli : Coding.Gzip, new byte[choice % 20_000]);
                        break;
                    case 3:
                        store.Invalidate(key);
                        break;
                    case 4:
                        store.MarkNotShared(address, key, Route.Generation, 1);
                        break;
                    case 5 when stored.Count > 0:
                        var (gone, removed) = stored[choice % stored.Count];
                        store.Remove(store.AddressOf(gone), removed);
                        break;
                }
                store.Bytes.ShouldBeInRange(0, BytesMax);
            }
            foreach (var key in Enumerable.Range(0, 60).Select(i => Encoding.ASCII.GetBytes("/" + i))) store.Invalidate(key);
            store.Bytes.ShouldBe(0, "every byte is accounted for once");
            store.Count.ShouldBe(0);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void What_is_asked_for_again_outlives_a_crawl()
    {
        var store = new ResponseStore(new ResponseStoreConfig { BytesMax = BytesMax }, Entropy.Seeded(1));
        var loved = "/loved"u8.ToArray();
        store.Put(store.AddressOf(loved), loved, Response(5000, "v"));
        for (var i = 0; i < 2000; i++)
        {
            Find(store, loved).ShouldBe(Finding.Found, $"after {i} others");
            var other = Encoding.ASCII.GetBytes("/crawled/" + i);
            store.Put(store.AddressOf(other), other, Response(5000, "v"));
        }
        store.Evictions.ShouldBeGreaterThan(1000);
    }

    [Fact]
    public void A_smaller_bound_is_kept_at_once()
    {
        var store = new ResponseStore(new ResponseStoreConfig { BytesMax = 16 << 20 }, Entropy.Seeded(1));
        for (var i = 0; i < 1000; i++)
        {
            var key = Encoding.ASCII.GetBytes("/" + i);
            store.Put(store.AddressOf(key), key, Response(5000, "v"));
        }
        store.Bytes.ShouldBeGreaterThan(4 << 20);
        store.Resize(new ResponseStoreConfig { BytesMax = BytesMax });
        store.Bytes.ShouldBeLessThanOrEqualTo(BytesMax);
    }

    [Fact]
    public void Variations_of_one_address_are_bounded_and_the_newest_stay()
    {
        var store = new ResponseStore(new ResponseStoreConfig { BytesMax = 16 << 20 }, Entropy.Seeded(1));
        var key = "/"u8.ToArray();
        for (var i = 0; i < 100; i++) store.Put(store.AddressOf(key), key, Response(10, "v" + i));
        store.Count.ShouldBe(32);
    }

    [Fact]
    public void Captures_share_a_bound_and_give_everything_back()
    {
        var budget = new CaptureBudget(10_000);
        var first = new BodyCapture(budget, 1 << 20);
        first.Append(new byte[5000]);
        first.Append(new byte[100]);
        first.Length.ShouldBe(5100);
        var second = new BodyCapture(budget, 1 << 20);
        second.Append(new byte[5000]);
        second.IsGivenUp.ShouldBeTrue();
        budget.Used.ShouldBeInRange(5100, 10_000);
        var small = new BodyCapture(budget, 100);
        small.Append(new byte[101]);
        small.IsGivenUp.ShouldBeTrue();
        first.GiveUp();
        first.GiveUp();
        second.GiveUp();
        budget.Used.ShouldBe(0);
    }

    private static Finding Find(ResponseStore store, byte[] key) => store.Find(store.AddressOf(key), key, Route.Generation, PureCache.Request("GET /|X-A: v"), Nobody, 0, out _);

    private static StoredResponse Response(int length, string variation)
    {
        var head = PureCache.Response("200|Cache-Control: max-age=60|Vary: X-A");
        var says = CacheDirectives.Of(head);
        var vary = VaryKey.Of(head, PureCache.Request("GET /|X-A: " + variation), Nobody)!;
        return StoredResponse.Of(head, says, vary, Freshness.Of(head, says, default, Route.Config), Route, isHttps: false, PureCache.Epoch)!.WithBody(new byte[length])!;
    }
}
