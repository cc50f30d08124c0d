import { Problem, problemFrom, Unreachable } from './problem';
import { hasSessionHint, setSessionHint, watchSessionHint } from './session-hint';
import type { Me, SignedIn } from './types';

export type SessionState =
  | { status: 'restoring'; user: null }
  | { status: 'signedIn'; user: Me }
  | { status: 'signedOut'; user: null };

type SessionParts = {
  fetch: typeof globalThis.fetch;
  /** Milliseconds on a clock that never jumps. */
  now: () => number;
  /** Runs one tab's refresh at a time; where the browser has no Web Locks, it just runs it. */
  exclusively: <T>(work: () => Promise<T>) => Promise<T>;
};

const refreshTimeoutMs = 10_000;
/** Renewed this long before it ends, so that a request does not die on the way. */
const renewEarlyMs = 20_000;

/**
 * Who is signed in. The access token lives in this object only; the refresh token only in the server's httpOnly cookie. A
 * refresh token that is used twice revokes its session, and tabs share the cookie: so this never keeps a copy of the
 * token (it would go stale when another tab rotates), and refreshes are single-flight in the tab and locked across tabs.
 */
export class Session {
  #state: SessionState = { status: 'signedOut', user: null };
  #accessToken: string | null = null;
  #expiresAt = 0;
  #refreshing: Promise<string | null> | null = null;
  readonly #listeners = new Set<() => void>();
  readonly #parts: SessionParts;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): SessionState => this.#state;

  /** On page load: asks the cookie for a session, and follows what other tabs do. */
  start(): void {
    watchSessionHint((signedIn) => {
      if (!signedIn) this.#leave();
      else if (this.#state.status === 'signedOut') void this.#restore();
    });
    if (hasSessionHint()) void this.#restore();
  }

  adopt(reply: SignedIn): void {
    this.#accessToken = reply.accessToken;
    this.#expiresAt = this.#parts.now() + reply.expiresIn * 1000;
    setSessionHint(true);
    this.#become({ status: 'signedIn', user: reply.user });
  }

  /** The profile changed; same person. */
  update(user: Me): void {
    if (this.#state.status === 'signedIn') this.#become({ status: 'signedIn', user });
  }

  /** The server ended the session, or the user did. */
  end(): void {
    setSessionHint(false);
    this.#leave();
  }

  /** A token that is good for a request now, or null when nobody is signed in. */
  async token(): Promise<string | null> {
    if (this.#accessToken !== null && this.#parts.now() < this.#expiresAt - renewEarlyMs) return this.#accessToken;
    if (this.#state.status === 'signedOut') return null;
    return this.refresh();
  }

  /** After a 401: a token other than the one that was refused, or null. */
  async tokenAfter(refused: string): Promise<string | null> {
    return this.#accessToken !== null && this.#accessToken !== refused ? this.#accessToken : this.refresh();
  }

  refresh(): Promise<string | null> {
    this.#refreshing ??= this.#parts
      .exclusively(() => this.#rotate())
      .finally(() => {
        this.#refreshing = null;
      });
    return this.#refreshing;
  }

  async #restore(): Promise<void> {
    this.#become({ status: 'restoring', user: null });
    try {
      await this.refresh();
    } catch {
      // Unreachable: the page says so by itself, and the hint stays for the next load.
      this.#leave();
    }
  }

  async #rotate(): Promise<string | null> {
    let response: Response;
    try {
      response = await this.#parts.fetch('/api/v1/auth/refresh', {
        method: 'POST',
        credentials: 'same-origin',
        headers: { 'Content-Type': 'application/json' },
        body: '{}',
        signal: AbortSignal.timeout(refreshTimeoutMs),
      });
    } catch (cause) {
      throw new Unreachable('refresh', { cause });
    }
    if (response.ok) {
      this.adopt((await response.json()) as SignedIn);
      return this.#accessToken;
    }
    const problem = await problemFrom(response);
    if (problem.status === 429 || problem.status >= 500) throw problem;
    this.end();
    return null;
  }

  #leave(): void {
    this.#accessToken = null;
    this.#become({ status: 'signedOut', user: null });
  }

  #become(state: SessionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

export function isSignedOutProblem(error: unknown): boolean {
  return error instanceof Problem && error.status === 401;
}
