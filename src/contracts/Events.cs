namespace SkyRiff.Contracts;

/// <summary>Topics of the events that services publish through their outbox; the payload of each is the record of the same name, as JSON.</summary>
public static class Topics
{
    public const string UserRegistered = "users.registered";
    public const string UserDeleted = "users.deleted";
    public const string GenerationFinished = "videos.generation_finished";
    public const string WorkPublished = "videos.work_published";
    public const string WorkChanged = "videos.work_changed";
    public const string WorkDeleted = "videos.work_deleted";
    public const string CreditsPurchased = "payments.credits_purchased";
}

public sealed record UserRegistered(UserId User, string Handle);

public sealed record UserDeleted(UserId User);

/// <param name="Status"><c>ready</c>, <c>failed</c> or <c>cancelled</c>.</param>
public sealed record GenerationFinished(GenerationId Generation, UserId User, string Status);

public sealed record WorkPublished(WorkId Work, UserId User);

/// <summary>A work's words or its visibility changed.</summary>
public sealed record WorkChanged(WorkId Work, UserId User);

/// <summary>The work is gone for good, by its owner or with its owner.</summary>
public sealed record WorkDeleted(WorkId Work, UserId User);

public sealed record CreditsPurchased(OrderId Order, UserId User, long Credits);
