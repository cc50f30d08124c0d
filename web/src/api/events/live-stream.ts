import { Problem } from '../problem';
import { EventStreamParser, type ServerEvent } from './parser';

type LiveStreamParts = {
  /** Opens the stream; headers carry Last-Event-ID when resuming. */
  open: (headers: Record<string, string>, signal: AbortSignal) => Promise<Response>;
  onEvent: (event: ServerEvent) => void;
  /** True while events flow; false means: poll. */
  onConnected: (connected: boolean) => void;
  random?: () => number;
};

const retryFirstMs = 1_000;
const retryMaxMs = 30_000;
/** The server sends at least a comment more often than this; silence means a dead connection. */
const silenceMaxMs = 45_000;

/**
 * Follows /events over fetch, because EventSource cannot send the Authorization header. Reconnects with full jitter and resumes
 * after the last event that was seen, until stopped.
 *
 *     connecting -> flowing -> (broke off) -> waiting -> connecting ...   stop() ends it in any state
 */
export class LiveStream {
  readonly #parts: LiveStreamParts;
  #stop: AbortController | null = null;
  #lastId: string | null = null;

  constructor(parts: LiveStreamParts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.#stop) return;
    this.#stop = new AbortController();
    void this.#run(this.#stop.signal);
  }

  stop(): void {
    this.#stop?.abort();
    this.#stop = null;
    this.#parts.onConnected(false);
  }

  async #run(stopped: AbortSignal): Promise<void> {
    let failures = 0;
    let serverRetryMs: number | null = null;
    while (!stopped.aborted) {
      const attempt = new AbortController();
      const signal = AbortSignal.any([stopped, attempt.signal]);
      try {
        const headers: Record<string, string> = { Accept: 'text/event-stream' };
        if (this.#lastId !== null) headers['Last-Event-ID'] = this.#lastId;
        const response = await this.#parts.open(headers, signal);
        failures = 0;
        if (!isAborted(stopped)) this.#parts.onConnected(true);
        serverRetryMs = await this.#read(response, attempt);
      } catch (error) {
        failures += 1;
        // Signed out, or a server without events: polling has to do.
        if (error instanceof Problem && [401, 403, 404, 405].includes(error.status)) break;
      }
      if (isAborted(stopped)) return;
      this.#parts.onConnected(false);
      const ceiling = Math.min(retryMaxMs, (serverRetryMs ?? retryFirstMs) * 2 ** Math.min(failures, 5));
      await wait((this.#parts.random ?? Math.random)() * ceiling, stopped);
    }
    if (!stopped.aborted) this.#parts.onConnected(false);
  }

  async #read(response: Response, attempt: AbortController): Promise<number | null> {
    const parser = new EventStreamParser();
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (!reader) return null;
    let silence = setTimeout(() => attempt.abort(), silenceMaxMs);
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return parser.retryMs;
        clearTimeout(silence);
        silence = setTimeout(() => attempt.abort(), silenceMaxMs);
        for (const event of parser.push(value)) {
          this.#lastId = event.id ?? this.#lastId;
          this.#parts.onEvent(event);
        }
      }
    } finally {
      clearTimeout(silence);
    }
  }
}

/** A call, so that the compiler does not remember an earlier answer. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
