using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using SkyRiff.Kernel.Outcomes;

namespace SkyRiff.Http;

/// <summary>Says which exceptions of the foundation mean "come back later" and which mean that the disk is full and so on.</summary>
public interface IFaultTranslator
{
    /// <summary>The problem for a fault it knows, else null.</summary>
    Problem? Translate(Exception fault);
}

/// <summary>
/// The outermost piece of the pipeline: turns exceptions and bare error statuses into problem documents, and logs a failure once.
/// Nothing that a client sends reaches the 500 at its end; what does is a bug or a fault of ours.
/// </summary>
public sealed class ProblemBoundary(RequestDelegate next, IEnumerable<IFaultTranslator> translators, ILogger<ProblemBoundary> logger)
{
    private readonly IFaultTranslator[] _translators = [.. translators];

    public async Task InvokeAsync(HttpContext http)
    {
        try
        {
            await next(http);
            if (http.Response is { HasStarted: false, StatusCode: >= 400, ContentLength: null, ContentType: null }) await WriteBareStatusAsync(http);
        }
        catch (Exception left) when (left is ConnectionResetException || (left is OperationCanceledException or IOException && http.RequestAborted.IsCancellationRequested))
        {
            // The caller left; nobody reads an answer. 499 is what access logs call this.
            if (!http.Response.HasStarted) http.Response.StatusCode = 499;
        }
        catch (BadHttpRequestException refused)
        {
            await WriteAsync(http, Of(refused), refused.StatusCode);
        }
        catch (IOException broken) when (broken.InnerException is OverflowException)
        {
            // A chunk whose size does not fit 64 bits: the server's only refusal of a body that is no BadHttpRequestException.
            await WriteAsync(http, HttpProblems.BadRequest.Because("The request could not be read as HTTP."));
        }
        catch (Exception fault)
        {
            await WriteFaultAsync(http, fault);
        }
    }

    private async Task WriteFaultAsync(HttpContext http, Exception fault)
    {
        foreach (var translator in _translators)
        {
            if (translator.Translate(fault) is not { } problem) continue;
            logger.LogWarning(fault, "{Method} {Path} failed as {Code}", http.Request.Method, http.Request.Path, problem.Code.Code);
            await WriteAsync(http, problem);
            return;
        }
        logger.LogError(fault, "{Method} {Path} failed", http.Request.Method, http.Request.Path);
        await WriteAsync(http, HttpProblems.Internal.Because("The failure was logged; quote the trace id when you report it."));
    }

    private static Problem Of(BadHttpRequestException refused) => refused.StatusCode switch
    {
        StatusCodes.Status413PayloadTooLarge => HttpProblems.TooLarge.Because("Send less; the limit is in the API's description."),
        StatusCodes.Status415UnsupportedMediaType => HttpProblems.UnsupportedMediaType.Because("Send application/json."),
        _ => HttpProblems.BadRequest.Because("The request could not be read as HTTP."),
    };

    private static Task WriteBareStatusAsync(HttpContext http) => http.Response.StatusCode switch
    {
        StatusCodes.Status404NotFound => ProblemWriter.WriteAsync(http, HttpProblems.NotFound.Because("No such path, or it is not yours to see.")),
        StatusCodes.Status405MethodNotAllowed => ProblemWriter.WriteAsync(http, HttpProblems.MethodNotAllowed.Because($"Allowed here: {http.Response.Headers.Allow}."), 405),
        StatusCodes.Status415UnsupportedMediaType => ProblemWriter.WriteAsync(http, HttpProblems.UnsupportedMediaType.Because("Send application/json.")),
        StatusCodes.Status413PayloadTooLarge => ProblemWriter.WriteAsync(http, HttpProblems.TooLarge.Because("Send less.")),
        >= 500 and var status => ProblemWriter.WriteAsync(http, HttpProblems.Internal.Because("The failure was logged."), status),
        var status => ProblemWriter.WriteAsync(http, HttpProblems.BadRequest.Because("The request was refused."), status),
    };

    private static Task WriteAsync(HttpContext http, Problem problem, int? status = null)
    {
        if (http.Response.HasStarted)
        {
            http.Abort();
            return Task.CompletedTask;
        }
        http.Response.Clear();
        return ProblemWriter.WriteAsync(http, problem, status);
    }
}
