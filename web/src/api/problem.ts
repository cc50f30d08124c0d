/** The server answered with a refusal: a problem document (RFC 9457), with a stable code and, on validation, errors per field. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly code: string;
  readonly detail: string | null;
  /** Messages by JSON pointer, without the leading '#': `{"/email": ["is taken"]}`. */
  readonly errors: ReadonlyMap<string, readonly string[]>;
  readonly traceId: string | null;
  readonly retryAfterSeconds: number | null;

  constructor(init: {
    status: number;
    code: string;
    title: string;
    detail?: string | null;
    errors?: ReadonlyMap<string, readonly string[]>;
    traceId?: string | null;
    retryAfterSeconds?: number | null;
  }) {
    super(init.title);
    this.status = init.status;
    this.code = init.code;
    this.detail = init.detail ?? null;
    this.errors = init.errors ?? new Map();
    this.traceId = init.traceId ?? null;
    this.retryAfterSeconds = init.retryAfterSeconds ?? null;
  }

  /** The first message for a member of the request body, such as `email`. */
  field(name: string): string | null {
    return this.errors.get(`/${name}`)?.[0] ?? null;
  }

  /** A sentence for people. */
  get words(): string {
    if (this.status === 429) {
      const wait = this.retryAfterSeconds;
      return wait === null ? 'That was a lot at once. Try again in a moment.' : `That was a lot at once. Try again in ${wait} s.`;
    }
    return this.detail ?? this.message;
  }
}

/** No answer came: offline, refused, or out of time. Whether the server acted is unknown. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';

  readonly words = 'SkyRiff cannot be reached right now. Check the connection and try again.';
}

export function wordsFor(error: unknown): string {
  if (error instanceof Problem || error instanceof Unreachable) return error.words;
  return 'Something went wrong on this page. Reload it and try again.';
}

export async function problemFrom(response: Response): Promise<Problem> {
  let body: unknown = null;
  try {
    body = await response.json();
  } catch {
    // A balancer's HTML page, or nothing at all: the status alone has to do.
  }
  const record = isRecord(body) ? body : {};
  return new Problem({
    status: response.status,
    code: textOf(record.code) ?? `http.${response.status}`,
    title: textOf(record.title) ?? titleFor(response.status),
    detail: textOf(record.detail),
    errors: errorsOf(record.errors),
    traceId: textOf(record.traceId),
    retryAfterSeconds: secondsOf(response.headers.get('Retry-After')),
  });
}

/** Reads both shapes in use: an object by pointer, and a list of `{pointer, detail}`. */
function errorsOf(errors: unknown): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const add = (pointer: string, message: string) => {
    const key = pointer.replace(/^#/, '').replace(/^(?!\/|$)/, '/');
    found.set(key, [...(found.get(key) ?? []), message]);
  };
  if (Array.isArray(errors)) {
    for (const entry of errors) {
      const pointer = isRecord(entry) ? textOf(entry.pointer) : null;
      const message = isRecord(entry) ? (textOf(entry.detail) ?? textOf(entry.message)) : null;
      if (pointer !== null && message !== null) add(pointer, message);
    }
  } else if (isRecord(errors)) {
    for (const [pointer, messages] of Object.entries(errors)) {
      for (const message of Array.isArray(messages) ? messages : [messages]) {
        if (typeof message === 'string') add(pointer, message);
      }
    }
  }
  return found;
}

function titleFor(status: number): string {
  if (status === 404) return 'There is nothing here.';
  if (status === 413) return 'That is too large to send.';
  if (status >= 500) return 'The server stumbled. Nothing was lost; try again.';
  return 'The server refused that.';
}

function secondsOf(header: string | null): number | null {
  const seconds = header === null ? Number.NaN : Number(header);
  return Number.isInteger(seconds) && seconds >= 0 ? seconds : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
