using Npgsql;

namespace SkyRiff.Data;

/// <summary>How the database failed; decides who retries.</summary>
public enum DataFailure
{
    /// <summary>No connection, or it broke: whether a write happened is unknown.</summary>
    Unavailable,

    /// <summary>A statement or a wait for a pooled connection ran out of time.</summary>
    TimedOut,

    /// <summary>A deadlock or serialization failure that outlived the retries; nothing was written.</summary>
    Contended,

    /// <summary>A UNIQUE constraint; <see cref="DataException.Constraint"/> names it.</summary>
    Duplicate,

    /// <summary>Another constraint (CHECK, foreign key, NOT NULL); <see cref="DataException.Constraint"/> names it.</summary>
    ConstraintBroken,

    /// <summary>The job's lease is another's now, or over: this holder may change nothing any more.</summary>
    LeaseLost,

    /// <summary>The server has no room left to write.</summary>
    NoSpace,

    /// <summary>The role may not do this.</summary>
    Denied,

    /// <summary>Anything else: a statement that does not fit the schema is a bug.</summary>
    Rejected,
}

/// <summary>The one exception type of Data; the driver's own exceptions do not leave it.</summary>
public sealed class DataException(DataFailure failure, string message, Exception? inner = null) : Exception(message, inner)
{
    public DataFailure Failure { get; } = failure;

    /// <summary>The constraint's name, where one was broken.</summary>
    public string? Constraint { get; private init; }

    /// <summary>True when a repetition may succeed without anything being changed.</summary>
    public bool IsTransient => Failure is DataFailure.Unavailable or DataFailure.TimedOut or DataFailure.Contended or DataFailure.NoSpace;

    internal static DataException From(Exception cause) => cause switch
    {
        DataException own => own,
        PostgresException server => new DataException(Classify(server.SqlState), server.MessageText, server) { Constraint = server.ConstraintName },
        TimeoutException => new DataException(DataFailure.TimedOut, "The database did not answer in time.", cause),
        NpgsqlException { InnerException: TimeoutException } => new DataException(DataFailure.TimedOut, "The database did not answer in time.", cause),
        _ => new DataException(DataFailure.Unavailable, "The database cannot be reached: " + cause.Message, cause),
    };

    /// <summary>SQLSTATE classes of PostgreSQL's appendix A.</summary>
    internal static DataFailure Classify(string sqlState) => sqlState switch
    {
        PostgresErrorCodes.UniqueViolation => DataFailure.Duplicate,
        PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure => DataFailure.Contended,
        PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.LockNotAvailable => DataFailure.TimedOut,
        PostgresErrorCodes.DiskFull => DataFailure.NoSpace,
        PostgresErrorCodes.InsufficientPrivilege => DataFailure.Denied,
        PostgresErrorCodes.TooManyConnections => DataFailure.Unavailable,
        _ when sqlState.StartsWith("23") => DataFailure.ConstraintBroken,
        _ when sqlState.StartsWith("08") || sqlState.StartsWith("57P") || sqlState.StartsWith("53") || sqlState.StartsWith("58") => DataFailure.Unavailable,
        _ => DataFailure.Rejected,
    };
}
