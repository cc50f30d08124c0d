using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Secrets;
using SkyRiff.Kernel.Tokens;
using SkyRiff.Testing;
using SkyRiff.Users;
using SkyRiff.Users.Tokens;
using Xunit;

namespace SkyRiff.Services.Tests.Users;

/// <summary>The keys that sign, on the first shard, as several processes see them under one clock.</summary>
public sealed class KeyRingTests(SharedPostgres shared) : UsersTest(shared)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(30);
    private static readonly TimeSpan Overlap = TimeSpan.FromHours(1);

    /// <summary>Not the API's: its caches look at the clock several times a second, and these tests let months pass.</summary>
    private FakeTime Clock { get; } = new();

    private KeyRing Ring(UsersOptions? options = null, MasterKey? masterKey = null) =>
        new(Database, masterKey ?? new MasterKey(new byte[32]), options ?? new UsersOptions { KeyLifetime = Lifetime, KeyOverlap = Overlap }, Clock, Entropy.System, NullLogger<KeyRing>.Instance);

    private async Task<KeyRing> LoadedAsync(UsersOptions? options = null)
    {
        var ring = Ring(options);
        await ring.LoadAsync(Ct);
        return ring;
    }

    private string Sign(KeyRing ring) => ring.Sign(new AccessToken(1, 2, [], Clock.GetUtcNow(), Clock.GetUtcNow() + TokenTerms.Lifetime), "id");

    private TokenFault Fault(KeyRing ring, string token)
    {
        new AccessTokenVerifier(ring.Terms).Verify(token, Clock.GetUtcNow(), ring.Published, out var fault);
        return fault;
    }

    private static string KeyOf(string token) => JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(token.AsSpan(0, token.IndexOf('.')))).RootElement.GetProperty("kid").GetString()!;

    [Fact]
    public async Task A_new_key_is_published_before_it_signs_and_the_old_one_until_its_last_token_ended()
    {
        var ring = await LoadedAsync();
        var first = KeyOf(Sign(ring));
        ring.Published.Count.ShouldBe(1);

        Clock.Advance(Lifetime - Overlap - TimeSpan.FromSeconds(1));
        await ring.LoadAsync(Ct);
        ring.Published.Count.ShouldBe(1);

        Clock.Advance(TimeSpan.FromSeconds(1));
        await ring.LoadAsync(Ct);
        ring.Published.Count.ShouldBe(2);
        KeyOf(Sign(ring)).ShouldBe(first, "the new key is shown, but does not sign yet");

        Clock.Advance(Overlap - TimeSpan.FromSeconds(1));
        var last = Sign(ring);
        Clock.Advance(TimeSpan.FromSeconds(1));
        await ring.LoadAsync(Ct);
        KeyOf(Sign(ring)).ShouldNotBe(first);
        Fault(ring, last).ShouldBe(TokenFault.None, "tokens of the old key are still good");

        Clock.Advance(TokenTerms.Lifetime);
        await ring.LoadAsync(Ct);
        Fault(ring, last).ShouldBe(TokenFault.None, "to their last moment");
        Clock.Advance(Overlap - TokenTerms.Lifetime);
        await ring.LoadAsync(Ct);
        ring.Published.Count.ShouldBe(1);
        Fault(ring, last).ShouldBe(TokenFault.UnknownKey);
    }

    [Fact]
    public async Task The_loop_rotates_by_itself()
    {
        await using var ring = Ring();
        await ring.LoadAsync(Ct);
        var first = KeyOf(Sign(ring));
        await ring.StartAsync(Ct);
        Clock.Advance(Lifetime - Overlap);
        await Eventually.TrueAsync(() => TicksUntil(() => ring.Published.Count == 2), "the next key was not published");
        KeyOf(Sign(ring)).ShouldBe(first);
        await Eventually.TrueAsync(() => TicksUntil(() => KeyOf(Sign(ring)) != first), "the next key did not take over");
    }

    /// <summary>Each look moves the clock by a tick of the loop.</summary>
    private bool TicksUntil(Func<bool> condition)
    {
        if (condition()) return true;
        Clock.Advance(TimeSpan.FromMinutes(1));
        return false;
    }

    [Fact]
    public async Task Processes_that_find_a_key_missing_at_once_make_one()
    {
        await SqlAsync("DELETE FROM users.signing_keys");
        var rings = Enumerable.Range(0, 8).Select(_ => Ring()).ToList();
        await Task.WhenAll(rings.Select(ring => Task.Run(() => ring.LoadAsync(Ct), Ct)));
        (await CountAsync("signing_keys")).ShouldBe(1);
        var token = Sign(rings[0]);
        rings.ShouldAllBe(ring => Fault(ring, token) == TokenFault.None);
    }

    [Fact]
    public async Task A_process_that_was_away_while_keys_changed_makes_what_is_due()
    {
        var ring = await LoadedAsync();
        var old = Sign(ring);
        Clock.Advance(Lifetime * 3);
        var back = await LoadedAsync();
        Fault(back, Sign(back)).ShouldBe(TokenFault.None);
        Fault(back, old).ShouldBe(TokenFault.UnknownKey);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(60)]
    [InlineData(365)]
    public async Task Another_lifetime_can_be_configured_at_any_time(int days)
    {
        var before = Sign(await LoadedAsync());
        foreach (var wait in new[] { 0, 1, 29, 31, 61 })
        {
            Clock.Advance(TimeSpan.FromDays(wait));
            var ring = await LoadedAsync(new UsersOptions { KeyLifetime = TimeSpan.FromDays(days), KeyOverlap = Overlap });
            Fault(ring, Sign(ring)).ShouldBe(TokenFault.None);
            if (wait == 0) Fault(ring, before).ShouldBe(TokenFault.None);
        }
    }

    [Fact]
    public async Task Private_keys_that_were_swapped_or_sealed_under_another_master_key_are_refused_by_name()
    {
        var ring = await LoadedAsync();
        var id = KeyOf(Sign(ring));
        (await Should.ThrowAsync<InvalidOperationException>(() => Ring(masterKey: new MasterKey([.. Enumerable.Repeat((byte)1, 32)])).LoadAsync(Ct))).Message.ShouldContain(id);

        Clock.Advance(Lifetime - Overlap);
        await ring.LoadAsync(Ct);
        (await CountAsync("signing_keys")).ShouldBe(2);
        await SqlAsync("UPDATE users.signing_keys k SET private_key = o.private_key FROM users.signing_keys o WHERE o.id <> k.id");
        await Should.ThrowAsync<InvalidOperationException>(() => Ring().LoadAsync(Ct));
    }

    [Fact]
    public async Task A_set_of_keys_that_did_not_change_stays_the_same_object()
    {
        var ring = await LoadedAsync();
        var (published, jwks) = (ring.Published, ring.Jwks);
        Clock.Advance(TimeSpan.FromMinutes(1));
        await ring.LoadAsync(Ct);
        ring.Published.ShouldBeSameAs(published);
        ring.Jwks.ShouldBeSameAs(jwks);
    }

    [Fact]
    public async Task The_published_set_holds_no_private_half()
    {
        using var reply = await Api.Client.GetAsync("/.well-known/jwks.json", Ct);
        var json = await reply.Content.ReadAsStringAsync(Ct);
        json.ShouldContain("\"kty\":\"EC\"");
        json.ShouldNotContain("\"d\"");
        reply.Headers.CacheControl!.MaxAge.ShouldBe(TimeSpan.FromMinutes(5));
        var user = await RegisteredAsync("ada");
        new AccessTokenVerifier(new TokenTerms("skyriff", "skyriff-api")).Verify(user.AccessToken, Time.GetUtcNow(), JsonWebKeys.Parse(System.Text.Encoding.UTF8.GetBytes(json)), out _)!.Subject.ToString().ShouldBe(user.UserId);
    }

    [Fact]
    public void At_any_time_one_key_signs_and_its_successor_is_known_an_overlap_before() => Prop.ForAll(Gen.Choose(1, 400).ListOf(40).ToArbitrary(), hours =>
    {
        var schedule = new KeySchedule(TimeSpan.FromDays(2), TimeSpan.FromHours(3));
        var keys = new List<KeySpan>();
        var now = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        foreach (var step in hours)
        {
            now += TimeSpan.FromHours(step / 10.0);
            for (var made = 0; schedule.Missing(keys, now) is { } span; made++)
            {
                if (made == 2) return false;
                keys.Add(span);
            }
            var signing = keys.Where(key => key.SignsAt(now)).ToList();
            if (signing.Count != 1 || signing[0].RetiresAt != signing[0].SignsUntil + TimeSpan.FromHours(3)) return false;
            if (now >= signing[0].SignsUntil - TimeSpan.FromHours(3) && !keys.Any(key => key.ActivatesAt == signing[0].SignsUntil)) return false;
        }
        return true;
    }).QuickCheckThrowOnFailure();
}
