using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Http;
using SkyRiff.Kernel;
using SkyRiff.Kernel.Outcomes;
using SkyRiff.Objects;
using SkyRiff.Services.Tests.Videos.Media;
using SkyRiff.Testing;
using SkyRiff.Videos.Avatars;
using SkyRiff.Videos.Media;
using Xunit;

namespace SkyRiff.Services.Tests.Videos.Avatars;

public sealed class AvatarPicturesTests : IDisposable
{
    private static readonly CancellationToken Ct = CancellationToken.None;
    private static readonly UserId User = new(42);

    private readonly MediaKit _kit = new();

    public void Dispose() => _kit.Dispose();

    private AvatarPictures Pictures => new(new ReferenceImageChecker(_kit.Ffmpeg), _kit.Ffmpeg, _kit.Ffmpeg.Options, _kit.Store, Entropy.System, new FakeTime()); // whoever waits for a turn waits for as long as ffmpeg takes here

    private async Task<byte[]> ImageAsync(string name, int width, int height, params string[] more)
    {
        MediaKit.Run("ffmpeg", ["-f", "lavfi", "-i", $"testsrc2=s={width}x{height}", "-frames:v", "1", .. more, _kit.File(name)]);
        return await File.ReadAllBytesAsync(_kit.File(name), Ct);
    }

    [Theory]
    [InlineData("a.png", "image/png", 640, 480)]
    [InlineData("a.jpg", "image/jpeg", 300, 900)]
    [InlineData("a.webp", "image/webp", 64, 64)]
    public async Task A_picture_becomes_a_square_of_our_own_making(string name, string type, int width, int height)
    {
        var path = (await Pictures.StoreAsync(User, await ImageAsync(name, width, height), type, Ct)).Value;

        path.ShouldMatch("^/media/avatars/42/[0-9a-f]{36}\\.webp$");
        var stored = await _kit.Store.StatAsync(ObjectKey.Of(path["/media/".Length..]), Ct);
        stored!.ContentType.ShouldBe("image/webp");
        var site = await _kit.ExportAsync(Ct);
        MediaKit.Run("ffprobe", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", site + path["/media".Length..]).Trim().ShouldBe("webp,256,256");
        Directory.EnumerateFileSystemEntries(_kit.ScratchRoot).ShouldBeEmpty();
    }

    [Fact]
    public async Task Nothing_of_the_senders_bytes_goes_further()
    {
        var image = await ImageAsync("a.jpg", 200, 200, "-metadata", "comment=GPS 51.5007 -0.1246 canary");
        byte[] appended = [.. image, .. "<script>canary</script>"u8];
        var path = (await Pictures.StoreAsync(User, appended, "image/jpeg", Ct)).Value;
        var site = await _kit.ExportAsync(Ct);
        System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(site + path["/media".Length..], Ct)).ShouldNotContain("canary");
    }

    [Fact]
    public async Task The_same_picture_twice_is_two_objects_so_that_one_can_be_deleted()
    {
        var image = await ImageAsync("a.png", 100, 100);
        var (first, second) = ((await Pictures.StoreAsync(User, image, "image/png", Ct)).Value, (await Pictures.StoreAsync(User, image, "image/png", Ct)).Value);
        first.ShouldNotBe(second);
        await Pictures.DeleteAsync(User, first, Ct);
        (await KeysAsync()).ShouldBe([second["/media/".Length..]]);
    }

    [Fact]
    public async Task Only_the_users_own_pictures_can_be_deleted()
    {
        var path = (await Pictures.StoreAsync(User, await ImageAsync("a.png", 100, 100), "image/png", Ct)).Value;
        foreach (var (user, other) in new[] { (new UserId(4), path), (User, "/media/avatars/42/../" + path[15..]), (User, "http://evil.example/x"), (User, "/media/clips/42/x"), (User, "") }) await Pictures.DeleteAsync(user, other, Ct);
        (await KeysAsync()).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task What_is_no_picture_is_refused_and_leaves_nothing()
    {
        var png = await ImageAsync("a.png", 100, 100);
        (byte[] Bytes, string? Type, ProblemCode Why)[] bad =
        [
            ([], "image/png", AvatarProblems.Empty),
            (png, null, AvatarProblems.Type),
            (png, "image/svg+xml", AvatarProblems.Type),
            (png, "image/jpeg", AvatarProblems.Type),
            ("<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"u8.ToArray(), "image/png", AvatarProblems.Type),
            (png[..(png.Length / 2)], "image/png", AvatarProblems.Unreadable),
            ([.. png[..8], .. new byte[500]], "image/png", AvatarProblems.Unreadable),
            (await ImageAsync("small.png", 32, 32), "image/png", AvatarProblems.Dimensions),
            (await ImageAsync("large.png", 4200, 64), "image/png", AvatarProblems.Dimensions),
        ];
        foreach (var (bytes, type, why) in bad) (await Pictures.StoreAsync(User, bytes, type, Ct)).Problem!.Code.ShouldBe(why);
        (await KeysAsync()).ShouldBeEmpty();
        Directory.EnumerateFileSystemEntries(_kit.ScratchRoot).ShouldBeEmpty();
    }

    [Fact]
    public async Task Past_its_queue_decoding_sends_callers_away()
    {
        var image = await ImageAsync("a.png", 1000, 1000);
        var pictures = Pictures;
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 60).Select(user => pictures.StoreAsync(new UserId(user + 1), image, "image/png", Ct)));
        outcomes.Count(outcome => outcome.Problem?.Code == AvatarProblems.Busy).ShouldBeGreaterThan(0);
        outcomes.ShouldAllBe(outcome => outcome.Succeeded || (outcome.Problem.Code == AvatarProblems.Busy && outcome.Problem.RetryAfter > TimeSpan.Zero));
        outcomes.Count(outcome => outcome.Succeeded).ShouldBeGreaterThanOrEqualTo(2);
    }

    [Fact]
    public async Task One_users_many_pictures_leave_room_to_another()
    {
        var image = await ImageAsync("a.png", 100, 100);
        var pictures = Pictures;
        var many = Enumerable.Range(0, 30).Select(_ => pictures.StoreAsync(User, image, "image/png", Ct)).ToList();
        var other = await pictures.StoreAsync(new UserId(43), image, "image/png", Ct);
        other.Succeeded.ShouldBeTrue(other.Problem?.ToString());
        var outcomes = await Task.WhenAll(many);
        outcomes.Count(outcome => outcome.Succeeded).ShouldBe(PictureTurns.PerUserMax);
        outcomes.Where(outcome => !outcome.Succeeded).ShouldAllBe(outcome => outcome.Problem!.Code == HttpProblems.RateLimited && outcome.Problem.RetryAfter > TimeSpan.Zero);
        (await pictures.StoreAsync(User, image, "image/png", Ct)).Succeeded.ShouldBeTrue("places come back");
    }

    [Fact]
    public async Task Pictures_that_are_nobodys_avatar_are_swept()
    {
        var image = await ImageAsync("a.png", 100, 100);
        var kept = (await Pictures.StoreAsync(User, image, "image/png", Ct)).Value;
        await Pictures.StoreAsync(User, image, "image/png", Ct);
        await Pictures.StoreAsync(new UserId(43), image, "image/png", Ct);
        await using var sweep = new AvatarSweep(_kit.Store, new Profiles(kept), TimeProvider.System, Entropy.System, NullLogger<AvatarSweep>.Instance);
        (await sweep.SweepAsync(TimeProvider.System.GetUtcNow().AddHours(-1), Ct)).ShouldBe(0, "young ones may be on their way");
        (await sweep.SweepAsync(TimeProvider.System.GetUtcNow().AddHours(1), Ct)).ShouldBe(2);
        (await KeysAsync()).ShouldBe([kept["/media/".Length..]]);
    }

    private async Task<List<string>> KeysAsync()
    {
        var keys = new List<string>();
        await foreach (var stored in _kit.Store.ListAsync(ObjectPrefix.All, null, Ct)) keys.Add(stored.Key.Value);
        return keys;
    }

    private sealed class Profiles(string avatar) : IProfiles
    {
        public Task<IReadOnlyDictionary<UserId, Author>> OfAsync(IReadOnlyCollection<UserId> users, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyDictionary<UserId, Author>>(users.Where(user => user == User).ToDictionary(user => user, user => new Author(user, "ada", "Ada", avatar)));

        public Task<UserId?> FindAsync(string handle, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
