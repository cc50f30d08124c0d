using Shouldly;
using SkyRiff.Contracts;
using SkyRiff.Data;
using SkyRiff.Http;
using SkyRiff.Social.Likes;
using SkyRiff.Testing;
using Xunit;

namespace SkyRiff.Services.Tests.Social;

/// <summary>What Social does when others say that somebody, or something, is gone.</summary>
public sealed class ForgetLikesTests(SharedPostgres shared) : SocialTest(shared)
{
    [Fact]
    public async Task A_deleted_users_likes_are_taken_back_on_every_shard_and_the_others_stay()
    {
        var (gone, stays) = (await NewUserAsync(), await NewUserAsync());
        WorkId[] works = [await NewWorkAsync(slot: 0), await NewWorkAsync(slot: 1), await NewWorkAsync(slot: 2)];
        foreach (var work in works) await LikeAsync(work, gone);
        await LikeAsync(works[0], stays);

        for (var delivery = 0; delivery < 2; delivery++)
        {
            await HandleAsync(Topics.UserDeleted, new UserDeleted(gone));
            (await Likes.OfAsync(works, gone, Ct)).Values.ShouldAllBe(likes => !likes.Liked);
            (await Likes.OfAsync(works, stays, Ct))[works[0]].ShouldBe(new WorkLikes(1, Liked: true));
            (await RowsAsync("likes")).ShouldBe(1);
        }
    }

    [Fact]
    public async Task Somebody_who_liked_more_than_a_batch_is_forgotten_all_the_same()
    {
        var (gone, stays) = (await NewUserAsync(), await NewUserAsync());
        await Database.PrimaryAsync(0, async (sql, token) =>
        {
            await sql.ExecuteAsync($"INSERT INTO social.likes (work_id, user_id) SELECT n, u FROM generate_series(1, 1200) n, unnest({new[] { gone, stays }}) u", token);
            return await sql.ExecuteAsync($"INSERT INTO social.work_likes SELECT n, 2 FROM generate_series(1, 1200) n", token);
        }, Ct);
        await HandleAsync(Topics.UserDeleted, new UserDeleted(gone));
        (await RowsAsync("likes")).ShouldBe(1200);
        (await RowsAsync("work_likes WHERE likes = 1")).ShouldBe(1200);
    }

    [Fact]
    public async Task A_deleted_works_likes_and_its_count_go_and_other_works_keep_theirs()
    {
        var (gone, stays) = (await NewWorkAsync(), await NewWorkAsync());
        for (var i = 0; i < 3; i++)
        {
            var user = await NewUserAsync();
            await LikeAsync(gone, user);
            await LikeAsync(stays, user);
        }
        for (var delivery = 0; delivery < 2; delivery++)
        {
            await HandleAsync(Topics.WorkDeleted, new WorkDeleted(gone, await NewUserAsync()));
            (await RowsAsync("likes")).ShouldBe(3);
            (await RowsAsync("work_likes")).ShouldBe(1);
            (await Likes.OfAsync([gone, stays], null, Ct))[stays].Likes.ShouldBe(3);
        }
    }

    private Task HandleAsync<T>(string topic, T payload) => new ForgetLikes(Database).HandleAsync(new EventEnvelope(1, topic, 1, ApiJson.Text(payload), null), Ct);
}
