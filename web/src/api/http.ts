import { problemFrom, Unreachable } from './problem';
import type { Session } from './session';

export type RequestOptions = {
  body?: unknown;
  query?: Record<string, string | number | null | undefined>;
  /** For what spends or creates; see Submission. */
  idempotencyKey?: string;
  signal?: AbortSignal;
};

/** The client gives up before the gateway (5 s) does. Writes may carry an image, and their key makes a repeat harmless. */
const readTimeoutMs = 3_000;
const writeTimeoutMs = 20_000;

export class HttpClient {
  readonly #session: Session;
  readonly #fetch: typeof globalThis.fetch;

  constructor(session: Session, fetch: typeof globalThis.fetch) {
    this.#session = session;
    this.#fetch = fetch;
  }

  async request<T>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, options: RequestOptions = {}): Promise<T> {
    const response = await this.#authorised((token) => this.#send(method, path, options, token));
    if (!response.ok) throw await problemFrom(response);
    try {
      const text = await response.text();
      return (text === '' ? undefined : JSON.parse(text)) as T;
    } catch (cause) {
      throw new Unreachable(`${method} ${path}: the reply broke off`, { cause });
    }
  }

  /** A long-lived reply (the event stream); the caller owns its end through the signal. */
  async stream(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const response = await this.#authorised((token) => this.#fetchOrUnreachable(path, { headers: { ...headers, ...bearer(token) }, signal }));
    if (!response.ok) throw await problemFrom(response);
    return response;
  }

  async #authorised(send: (token: string | null) => Promise<Response>): Promise<Response> {
    const token = await this.#session.token();
    const response = await send(token);
    if (response.status !== 401 || token === null) return response;
    // The token ended early (rotation, a clock that jumped): one more try with a new one. A 401 did nothing, so any method may repeat.
    const renewed = await this.#session.tokenAfter(token);
    return renewed === null ? response : send(renewed);
  }

  #send(method: string, path: string, options: RequestOptions, token: string | null): Promise<Response> {
    const timeout = AbortSignal.timeout(method === 'GET' ? readTimeoutMs : writeTimeoutMs);
    return this.#fetchOrUnreachable(path + queryText(options.query), {
      method,
      credentials: 'same-origin',
      headers: {
        Accept: 'application/json, application/problem+json',
        ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(options.idempotencyKey === undefined ? {} : { 'Idempotency-Key': options.idempotencyKey }),
        ...bearer(token),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      // A like given just before the page is left arrives all the same. Bodies stay out: browsers hold few bytes of them for pages that are gone.
      keepalive: method !== 'GET' && options.body === undefined,
      signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
    });
  }

  async #fetchOrUnreachable(path: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(`/api/v1${path}`, init);
    } catch (cause) {
      throw new Unreachable(`${init.method ?? 'GET'} ${path}`, { cause });
    }
  }
}

function bearer(token: string | null): Record<string, string> {
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

function queryText(query: RequestOptions['query']): string {
  const pairs = Object.entries(query ?? {}).filter((pair): pair is [string, string | number] => pair[1] !== null && pair[1] !== undefined);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString()}`;
}
